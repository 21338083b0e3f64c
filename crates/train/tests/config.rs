//! Configurations: what is wrong is named before anything runs, and what is right trains.
#![cfg(feature = "config")]

use flambeau_data::Dataset;
use flambeau_nn::Module;
use flambeau_train::config::{Config, DataConfig, DataName, TEMPLATES};

fn template(name: &str) -> &'static str {
    TEMPLATES.iter().find(|(own, _)| *own == name).map(|(_, text)| *text).unwrap()
}

#[test]
fn templates_build_and_come_back_as_written() {
    for (name, text) in TEMPLATES {
        let config = Config::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let input = match config.data.name {
            DataName::Digits => &[1, 8, 8][..],
            DataName::HousePrices => &[4],
            _ => &[1, 28, 28],
        };
        let model = config.build(input).unwrap();
        let parameters = model.num_parameters();
        assert!(*name != "lenet" || parameters == 61_706);
        let again = Config::parse(&config.to_toml().unwrap()).unwrap();
        assert_eq!(again, config, "{name}");
        // The weights are the seed's, whatever was drawn before.
        let same = again.build(input).unwrap();
        assert_eq!(model.parameters()[0].to_vec::<f32>(), same.parameters()[0].to_vec::<f32>());
    }
}

#[test]
fn the_digits_are_learnt() {
    let text =
        template("mlp").replace("epochs = 60", "epochs = 12").replace("l1 = 0.0", "l1 = 1e-6\nl2 = 1e-6");
    let config = Config::parse(&text).unwrap();
    let splits = config.data.load(config.seed).unwrap();
    let model = config.build(&splits.input).unwrap();
    let (train, val) = config.loaders(&splits).unwrap();
    let mut trainer = config.trainer(&model, &train).unwrap();
    let report = trainer.fit(&train, Some(&val)).unwrap();
    assert!(report.best.unwrap() > 0.95, "{report:?}");
}

#[test]
fn every_scheduler_loss_and_optimizer_is_built() {
    let base = template("logistic-regression");
    let run = |text: &str| {
        let config = Config::parse(&text.replace("epochs = 50", "epochs = 1"))
            .unwrap_or_else(|error| panic!("{error}: {text}"));
        let splits = config.data.load(0).unwrap();
        let model = config.build(&splits.input).unwrap();
        let (train, val) = config.loaders(&splits).unwrap();
        let report = config.trainer(&model, &train).unwrap().fit(&train, Some(&val)).unwrap();
        assert!(report.values.iter().all(|(_, value)| value.is_finite()), "{text}: {report:?}");
    };
    for optimizer in
        ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "ASGD"]
    {
        run(&base.replace("\"SGD\"", &format!("\"{optimizer}\"")).replace("lr = 0.1", "lr = 0.001"));
    }
    for scheduler in [
        "name = \"StepLR\"\nstep_size = 2",
        "name = \"MultiStepLR\"\nmilestones = [1, 2]\ngamma = 0.5",
        "name = \"ExponentialLR\"\ngamma = 0.9",
        "name = \"CosineAnnealingLR\"",
        "name = \"OneCycleLR\"\nmax_lr = 0.1",
        "name = \"ReduceLROnPlateau\"",
    ] {
        run(&base.replace("[loss]", &format!("[scheduler]\n{scheduler}\n[loss]")));
    }
    let one = base.replace("out_features = 10", "out_features = 1").replace("[\"accuracy\"]", "[]");
    for loss in ["MSELoss", "L1Loss", "HuberLoss"] {
        run(&one.replace("CrossEntropyLoss", loss).replace("lr = 0.1", "lr = 0.0001"));
    }
    run(&base.replace("[\"accuracy\"]", "[\"f1\", \"precision\", \"recall\", \"auroc\", \"top_5_accuracy\"]"));
}

#[test]
fn what_is_wrong_is_named_with_what_was_meant() {
    let base = template("mlp");
    for (right, wrong, parts) in [
        ("epochs = 60", "epoch = 60", &["line 4", "unknown field `epoch`; did you mean `epochs`?"][..]),
        ("patience = 15", "patients = 15", &["`patients`; did you mean `patience`?"]),
        ("epochs = 60", "epochs = \"sixty\"", &["line 4", "sixty"]),
        ("epochs = 60", "", &["missing field `epochs`"]),
        (
            "layer = \"Dropout\"\np = 0.2",
            "layer = \"Dropout\"\nq = 0.2",
            &["model, layer 3 (Dropout)", "did you mean `p`?"],
        ),
        (
            "layer = \"Flatten\"",
            "layer = \"Flaten\"",
            &["model, layer 0 (Flaten)", "did you mean `Flatten`?"],
        ),
        ("out_features = 10", "out_features = \"ten\"", &["model, layer 7 (Linear)", "ten"]),
        ("momentum = 0.9", "momentun = 0.9", &["SGD takes no `momentun`; did you mean `momentum`?"]),
        ("momentum = 0.9", "momentum = -1", &["momentum"]),
        ("lr = 0.05", "", &["SGD lacks `lr`"]),
        ("\"SGD\"", "\"AdamV\"", &["no `AdamV`; did you mean `Adam"]),
        ("ReduceLROnPlateau", "ReduceOnPlateau", &["did you mean `ReduceLROnPlateau`?"]),
        ("CrossEntropyLoss", "CrossEntropy", &["did you mean `CrossEntropyLoss`?"]),
        ("[\"accuracy\"]", "[\"acuracy\"]", &["did you mean `accuracy`?"]),
        (
            "[\"accuracy\"]",
            "[\"accuracy\"]\nmonitor = \"val/acc\"",
            &["`val/acc` is not measured; did you mean `val/accuracy`?"],
        ),
        ("\"digits\"", "\"digit\"", &["did you mean `digits`?"]),
        ("\"digits\"", "\"digits\"\nnormalise = false", &["`normalise`; did you mean `normalize`?"]),
        (
            "[loss]",
            "[[data.transforms]]\nname = \"RandomCrop\"\nsizes = 8\n[loss]",
            &["data.transforms, transform 0 (RandomCrop)", "did you mean `size`?"],
        ),
        (
            "[loss]",
            "[[data.transforms]]\nname = \"RandomFlip\"\n[loss]",
            &["data.transforms, transform 0 (RandomFlip)", "did you mean `Random"],
        ),
        ("seed = 0", "seed = 0\ndevice = \"cuda\"", &["device is \"cuda\"", "\"cpu\""]),
        ("batch_size = 64", "batch_size = 0", &["batch_size"]),
        ("l1 = 0.0", "l1 = -1.0", &["regularization.l1 is -1"]),
        ("patience = 5", "factor = 1.0", &["scheduler: factor is 1; it must be at least 0 and below 1"]),
        ("label_smoothing = 0.05", "label_smoothing = 2.0", &["loss: label_smoothing is 2"]),
        ("[data]", "[data", &["line 8", "unclosed table"]),
    ] {
        assert!(base.contains(right), "{right}");
        let message = Config::parse(&base.replacen(right, wrong, 1)).unwrap_err().to_string();
        assert!(
            parts.iter().all(|part| message.contains(part)) && !message.contains('\n'),
            "{wrong}: {message}"
        );
    }
}

#[test]
fn layers_that_do_not_fit_are_named_with_what_came() {
    let lenet = template("lenet");
    let refused = |text: &str, input: &[usize], parts: &[&str]| {
        let message = Config::parse(text)
            .unwrap()
            .build(input)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(parts.iter().all(|part| message.contains(part)), "{parts:?}: {message}");
    };
    // A file of images that are too small.
    refused(lenet, &[1, 8, 8], &["model, layer 3 (Conv2d)", "[6, 4, 4] came", "[channels, height, width]"]);
    refused(lenet, &[64], &["model, layer 0 (Conv2d)", "[64] came"]);
    let unflattened = lenet.replace("layer = \"Flatten\"\n", "layer = \"ReLU\"\n");
    refused(
        &unflattened,
        &[1, 28, 28],
        &["model, layer 7 (Linear)", "[16, 5, 5] came", "a Flatten gives them"],
    );
    refused(
        &lenet.replace("out_channels = 16", "out_channels = 16\ngroups = 4"),
        &[1, 28, 28],
        &["layer 3 (Conv2d)", "groups"],
    );
    let resnet = template("resnet");
    refused(
        &resnet.replace("kernel_size = 1, stride = 2", "kernel_size = 1"),
        &[1, 28, 28],
        &["model, layer 5 (Residual)", "[32, 14, 14]", "[32, 28, 28]"],
    );
    let inner = resnet.replacen(
        "kernel_size = 3, padding = 1, bias = false }",
        "kernel_size = 99, padding = 1, bias = false }",
        1,
    );
    refused(
        &inner,
        &[1, 28, 28],
        &["model, layer 3 (Residual), layers, layer 0 (Conv2d)", "[16, 28, 28] came"],
    );
    refused(
        &lenet.replace("out_features = 84", "out_features = 1000000000000000"),
        &[1, 28, 28],
        &["layer 9 (Linear)"],
    );
    refused(&template("mlp").replace("p = 0.2", "p = 1.5"), &[1, 8, 8], &["layer 3 (Dropout)", "p is 1.5"]);
}

#[test]
fn files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlp.toml");
    let message = Config::read(&path).unwrap_err().to_string();
    assert!(message.contains("mlp.toml: cannot be read"), "{message}");
    flambeau_io::atomic_write(&path, |file| file.write_all(b"epoch = 1")).unwrap();
    let message = Config::read(&path).unwrap_err().to_string();
    assert!(message.contains("mlp.toml: line 1: unknown field `epoch`"), "{message}");
    let text = template("lenet").replace("val = 0.1", "val = 0.1\ndir = \"/nowhere\"");
    assert!(Config::parse(&text).unwrap().data.load(0).is_err());
}

#[test]
fn inputs_are_normalised_by_the_training_items() {
    let mut config = Config::parse(template("mlp")).unwrap();
    let splits = config.load().unwrap();
    config.measure(&splits).unwrap();
    let facts = config.data.facts.clone().unwrap();
    let all: Vec<f32> = (0..splits.train.len()).flat_map(|i| splits.train.get(i).0.to_vec::<f32>()).collect();
    let n = all.len() as f64;
    let mean = all.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
    let std = (all.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / n).sqrt();
    let moments = facts.inputs.unwrap();
    assert!((moments.mean[0] - mean).abs() < 1e-5 && (moments.std[0] - std).abs() < 1e-5, "{moments:?}");
    assert_eq!((facts.input, facts.classes.len(), facts.targets), (vec![1, 8, 8], 10, None));
    // They are part of the file, and other data are refused.
    let again = Config::parse(&config.to_toml().unwrap()).unwrap();
    assert_eq!(again, config);
    config.data.name = DataName::TwoMoons;
    let message = config.measure(&config.load().unwrap()).unwrap_err().to_string();
    assert!(message.contains("no longer those of the training"), "{message}");

    let mut house = Config::parse(template("tabular-regression")).unwrap();
    let splits = house.load().unwrap();
    house.measure(&splits).unwrap();
    let facts = house.data.facts.clone().unwrap();
    assert_eq!(facts.features, ["area", "rooms", "age", "distance"]);
    let areas: Vec<f32> = (0..splits.train.len()).map(|i| splits.train.get(i).0.to_vec::<f32>()[0]).collect();
    let mean = areas.iter().sum::<f32>() / areas.len() as f32;
    assert!((facts.inputs.unwrap().mean[0] - f64::from(mean)).abs() < 1e-2);
    assert!(facts.targets.unwrap().std[0] > 50.0);
}

#[test]
fn errors_of_numbers_are_in_their_unit() {
    let text = template("tabular-regression").replace("epochs = 100", "epochs = 25");
    let mut config = Config::parse(&text).unwrap();
    let splits = config.load().unwrap();
    config.measure(&splits).unwrap();
    let model = config.build(&splits.input).unwrap();
    let (train, val) = config.loaders(&splits).unwrap();
    let report = config.trainer(&model, &train).unwrap().fit(&train, Some(&val)).unwrap();
    let of = |name: &str| report.values.iter().find(|(own, _)| own == name).unwrap().1;
    assert!(of("val/r2") > 0.97 && of("val/loss") < 0.05, "{report:?}");
    // The noise of the prices alone is 12.
    assert!((10.0..25.0).contains(&of("val/mae")), "{report:?}");
    let (x, y) = splits.val.batch(&[0, 1, 2]);
    let error = (config.predict(&model, &x) - y).abs().max().item::<f32>();
    assert!(error < 100.0, "{error}");
}

#[test]
fn transforms_change_training_items_and_others_only_in_size() {
    let text = |transforms: &str| template("mlp").replace("[loss]", &format!("{transforms}\n[loss]"));
    let crop = "[[data.transforms]]\nname = \"Pad\"\npadding = 1\n[[data.transforms]]\nname = \"RandomCrop\"\nsize = 10\npadding = 2";
    let config = Config::parse(&text(crop)).unwrap();
    let splits = config.load().unwrap();
    assert_eq!((&splits.input[..], &splits.item[..]), (&[1, 10, 10][..], &[1, 8, 8][..]));
    let (train, val) = config.loaders(&splits).unwrap();
    let first = |epoch: u64| {
        train.set_epoch(epoch);
        train.iter().next().unwrap().0.to_vec::<f32>()
    };
    assert_eq!(first(0), first(0), "the same of the same epoch");
    assert_ne!(first(0), first(1));
    let (x, _) = val.iter().next().unwrap();
    let padded = splits.val.get(0).0.to_vec::<f32>();
    let inner: Vec<f32> =
        x.select(0, 0).to_vec::<f32>().chunks(10).skip(1).take(8).flat_map(|r| r[1..9].to_vec()).collect();
    assert_eq!(inner, padded, "padded, and not cropped");

    let sized = "[[data.transforms]]\nname = \"RandomResizedCrop\"\nsize = 6";
    let message = Config::parse(&text(sized)).unwrap().load().unwrap_err().to_string();
    assert!(message.contains("[1, 6, 6]") && message.contains("eval_transforms"), "{message}");
    let both = format!("{sized}\n[[data.eval_transforms]]\nname = \"Resize\"\nsize = 6");
    assert_eq!(Config::parse(&text(&both)).unwrap().load().unwrap().input, [1, 6, 6]);
    let moons = text(crop).replace("\"digits\"", "\"two-moons\"");
    let message = Config::parse(&moons).unwrap().load().unwrap_err().to_string();
    assert!(message.contains("data.transforms") && message.contains("are for images"), "{message}");
    let large = text("[[data.transforms]]\nname = \"RandomCrop\"\nsize = 99");
    let message = Config::parse(&large).unwrap().load().unwrap_err().to_string();
    assert!(message.contains("data.transforms") && message.contains("99"), "{message}");
}

#[test]
fn every_data_set_without_files_is_loaded_by_name() {
    for name in DataName::KNOWN.iter().filter(|name| name.remote().is_none()) {
        let again: DataName = name.name().parse().unwrap();
        assert_eq!(again, *name);
        let splits = DataConfig::new(again).load(0).unwrap();
        assert!(splits.train.len() > 2 * splits.val.len(), "{name}");
        assert_eq!(splits.item, splits.train.get(0).0.shape(), "{name}");
    }
    assert!("csv:".parse::<DataName>().unwrap_err().contains("csv:houses.csv"));
    assert!("cifar".parse::<DataName>().unwrap_err().contains("did you mean `cifar10`?"));
}
