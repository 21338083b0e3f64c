//! Checkpoints come back bit for bit, and damage is noticed wherever it is.

use flambeau_data::{DataLoader, digits};
use flambeau_nn::{CrossEntropyLoss, Dropout, Forward, Linear, Module, Sequential};
use flambeau_optim::{Adam, CosineAnnealingLR, EMA, LRScheduler, Optimizer, PlateauMode, ReduceLROnPlateau};
use flambeau_tensor::{Error, Tensor, manual_seed};
use flambeau_train::{Checkpoint, CheckpointStore, EarlyStopping, RunFolder};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

/// The generator is the process's.
static ONE: Mutex<()> = Mutex::new(());

/// As a disk or a crash does it: in place.
fn put(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
    fs::File::create(path).and_then(|mut file| file.write_all(bytes.as_ref())).unwrap();
}

struct Training {
    model: Sequential,
    optimizer: Adam,
    cosine: CosineAnnealingLR,
    plateau: ReduceLROnPlateau,
    ema: EMA,
    early_stopping: EarlyStopping,
    loader: DataLoader,
}

impl Training {
    fn new() -> Self {
        let model = Sequential::new((Linear::new(64, 8), Dropout::new(0.5), Linear::new(8, 10)));
        let mut optimizer = Adam::new(model.parameters(), 0.1);
        Training {
            cosine: CosineAnnealingLR::new(&mut optimizer, 50),
            plateau: ReduceLROnPlateau::new(&optimizer).patience(1),
            ema: EMA::new(model.parameters(), 0.9),
            early_stopping: EarlyStopping::new(5).restore_best_weights(&model),
            loader: DataLoader::new(digits(), 100).unwrap().shuffle(true).seed(4),
            optimizer,
            model,
        }
    }

    fn steps(&mut self, steps: usize) {
        for (x, y) in self.loader.iter().take(steps) {
            let loss = CrossEntropyLoss::default().call(&self.model.call(&x.flatten(1, -1)), &y);
            self.optimizer.zero_grad();
            loss.backward();
            self.optimizer.step();
            self.cosine.step(&mut self.optimizer);
            self.plateau.step(loss.item(), &mut self.optimizer);
            self.ema.update();
            self.early_stopping.step(loss.item());
        }
    }

    fn checkpoint(&self, step: u64) -> Checkpoint {
        Checkpoint::new(step)
            .model("model", &self.model)
            .optimizer("optimizer", &self.optimizer)
            .scheduler("cosine", &self.cosine.state_dict())
            .scheduler("plateau", &self.plateau.state_dict())
            .tensors("ema", self.ema.state_dict())
            .early_stopping("early_stopping", &self.early_stopping)
            .loader("loader", self.loader.state_dict())
            .rng("rng")
            .notes("note", &("any", 1, [0.1, 0.2]))
    }

    fn load(&mut self, checkpoint: &Checkpoint) -> flambeau_tensor::Result<()> {
        checkpoint.load_model("model", &self.model)?;
        checkpoint.load_optimizer("optimizer", &mut self.optimizer)?;
        self.cosine.load_state_dict(&checkpoint.scheduler_state("cosine")?)?;
        self.plateau.load_state_dict(&checkpoint.scheduler_state("plateau")?)?;
        self.ema.load_state_dict(checkpoint.load_tensors("ema")?)?;
        checkpoint.load_early_stopping("early_stopping", &mut self.early_stopping)?;
        self.loader.load_state_dict(checkpoint.loader_state("loader")?)?;
        checkpoint.load_rng("rng")
    }

    /// Everything, as a file.
    fn bytes(&self, folder: &Path) -> Vec<u8> {
        let path = folder.join("bytes");
        self.checkpoint(0).save(&path).unwrap();
        fs::read(path).unwrap()
    }
}

#[test]
fn a_training_goes_on_bit_for_bit() {
    let _one = ONE.lock().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    manual_seed(0);
    let mut whole = Training::new();
    whole.steps(7);
    whole.checkpoint(7).with_metric(0.125).save(&path).unwrap();
    // In the same loop; the loader is told to go on too, as it would begin a new epoch.
    whole.loader.load_state_dict(whole.loader.state_dict()).unwrap();
    whole.steps(5);
    let expected = whole.bytes(folder.path());

    manual_seed(99);
    let mut resumed = Training::new();
    let checkpoint = Checkpoint::load(&path).unwrap();
    assert_eq!((checkpoint.step(), checkpoint.metric()), (7, Some(0.125)));
    assert_eq!(checkpoint.parts().count(), 9);
    resumed.load(&checkpoint).unwrap();
    resumed.steps(5);
    assert!(resumed.bytes(folder.path()) == expected);
    let note: (String, u8, [f64; 2]) = checkpoint.load_notes("note").unwrap();
    assert_eq!(note, ("any".into(), 1, [0.1, 0.2]));
}

#[test]
fn damage_is_noticed_in_every_byte() {
    let _one = ONE.lock().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let model = Linear::new(5, 3);
    let whole = Checkpoint::new(3).with_metric(0.5).model("model", &model).rng("rng");
    whole.save(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    for i in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[i] ^= 1;
        put(&path, &damaged);
        match Checkpoint::load(&path) {
            Err(Error::File { path: named, .. }) => assert_eq!(named, path),
            Err(other) => panic!("byte {i}: {other}"),
            // JSON does not mind whether a space is a tab or the like; nothing that counts has changed then.
            Ok(_) => assert!(i < 8 + header && bytes[i].is_ascii_whitespace(), "byte {i} of {}", bytes.len()),
        }
    }
    for length in (0..bytes.len()).step_by(7) {
        put(&path, &bytes[..length]);
        assert!(Checkpoint::load(&path).is_err(), "{length}");
    }
}

#[test]
fn the_one_before_is_taken_for_a_damaged_one() {
    let folder = tempfile::tempdir().unwrap();
    let model = Linear::new(2, 2);
    let mut store = CheckpointStore::open(folder.path()).unwrap().keep_last(3);
    for step in [10, 20, 30] {
        store.save(&Checkpoint::new(step).model("model", &model)).unwrap();
    }
    let newest = store.path(30);
    let bytes = fs::read(&newest).unwrap();
    put(&newest, &bytes[..bytes.len() - 3]);
    put(store.path(20), b"");
    put(folder.path().join(".flambeau-x.tmp"), b"half");

    let mut store = CheckpointStore::open(folder.path()).unwrap();
    assert_eq!(store.steps(), [10, 20, 30]);
    let found = store.latest().unwrap().unwrap();
    assert_eq!((found.checkpoint.step(), found.damaged.len()), (10, 2));
    assert!(found.damaged[0].to_string().contains("step-000000000030.safetensors"), "{:?}", found.damaged);
    assert_eq!(store.steps(), [10]);
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "step-000000000010.safetensors",
            "step-000000000020.safetensors.damaged",
            "step-000000000030.safetensors.damaged"
        ]
    );
    // Nothing to fall back to is an error, and not a training from the start.
    put(store.path(10), &bytes[..40]);
    let message = store.latest().unwrap_err().to_string();
    assert!(message.contains("none of its 1 checkpoints can be read"), "{message}");
    assert!(CheckpointStore::open(folder.path().join("new")).unwrap().latest().unwrap().is_none());
}

#[test]
fn a_newer_version_is_not_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = CheckpointStore::open(folder.path()).unwrap();
    let path = store.save(&Checkpoint::new(1).notes("a", &1)).unwrap();
    let text = String::from_utf8(fs::read(&path).unwrap()).unwrap();
    put(&path, text.replace("\"flambeau_checkpoint\":\"1\"", "\"flambeau_checkpoint\":\"7\""));
    let message = store.latest().unwrap_err().to_string();
    assert!(message.contains("version 7") && message.contains("update flambeau"), "{message}");
}

#[test]
fn the_newest_and_the_best_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let open = || CheckpointStore::open(folder.path()).unwrap().keep_last(1).keep_best(2, PlateauMode::Min);
    let mut store = open();
    let metrics = [0.5, f64::NAN, 0.3, 0.3, 0.4, 0.9, 0.3, 1.0];
    for (metric, step) in metrics.into_iter().zip(1..) {
        store.save(&Checkpoint::new(step).with_metric(metric).notes("step", &step)).unwrap();
        // What it knows is in the files.
        store = open();
    }
    assert_eq!(store.steps(), [3, 4, 8]);
    assert_eq!(store.best().unwrap().unwrap().checkpoint.step(), 3);
}

#[test]
fn parts_that_do_not_fit_are_named() {
    let _one = ONE.lock().unwrap();
    let mut training = Training::new();
    let checkpoint = Checkpoint::new(0).model("net", &Linear::new(2, 2)).notes("optimizer", &3);
    let message = training.load(&checkpoint).unwrap_err().to_string();
    assert!(message.contains("no part \"model\"; it has net, optimizer"), "{message}");
    let message = checkpoint.load_model("net", &training.model).unwrap_err().to_string();
    assert!(message.contains("missing keys"), "{message}");
    let message = checkpoint.load_optimizer("optimizer", &mut training.optimizer).unwrap_err().to_string();
    assert!(message.contains("part \"optimizer\" is something else"), "{message}");
    let named = std::panic::catch_unwind(|| Checkpoint::new(0).notes("a/b", &1));
    assert!(named.is_err());
}

#[test]
fn numbers_that_json_has_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let mut early_stopping = EarlyStopping::new(3).mode(PlateauMode::Max);
    early_stopping.step(f64::INFINITY);
    let state =
        [("a".to_owned(), vec![f64::NAN, -0.0, f64::NEG_INFINITY, 0.1]), ("b".to_owned(), vec![])].into();
    Checkpoint::new(u64::MAX)
        .with_metric(f64::NEG_INFINITY)
        .scheduler("scheduler", &state)
        .early_stopping("early_stopping", &early_stopping)
        .tensors("bool", vec![("x".into(), Tensor::ones([2]).gt(0.0))])
        .save(&path)
        .unwrap();
    let checkpoint = Checkpoint::load(&path).unwrap();
    assert_eq!((checkpoint.step(), checkpoint.metric()), (u64::MAX, Some(f64::NEG_INFINITY)));
    let read = checkpoint.scheduler_state("scheduler").unwrap();
    let bits = |values: &Vec<f64>| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(read.values().map(bits).collect::<Vec<_>>(), state.values().map(bits).collect::<Vec<_>>());
    let mut other = EarlyStopping::new(3).mode(PlateauMode::Max);
    checkpoint.load_early_stopping("early_stopping", &mut other).unwrap();
    assert_eq!(other.best(), Some(f64::INFINITY));
}

#[test]
fn a_folder_is_one_training_s() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b");
    let run = RunFolder::open(&path).unwrap();
    let message = RunFolder::open(&path).unwrap_err().to_string();
    assert!(message.contains(&format!("in use by process {}", std::process::id())), "{message}");
    drop(run);
    drop(RunFolder::open(&path).unwrap());
    put(folder.path().join("file"), b"");
    assert!(RunFolder::open(folder.path().join("file")).is_err());
}
