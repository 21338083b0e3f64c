//! `flambeau data list`.

use clap::ValueEnum;

use crate::console::say;
use crate::datasets::DatasetName;

/// One paragraph a data set.
pub(super) fn run() {
    for (i, dataset) in DatasetName::value_variants().iter().enumerate() {
        if i > 0 {
            say("");
        }
        say(dataset.name());
        say(format_args!("  {}", about(*dataset)));
        say(format_args!("  licence:    {}", licence(*dataset)));
        if *dataset == DatasetName::Digits {
            say("  here:       part of the program");
            continue;
        }
        let places = dataset.places();
        match places.iter().find(|place| place.is_dir()) {
            Some(place) => say(format_args!("  here:       {}", place.display())),
            None => say("  here:       no; name its folder with --data-dir"),
        }
        for (place, what) in places.iter().zip(["looked for:", "           "].into_iter().cycle()) {
            say(format_args!("  {what} {}", place.display()));
        }
        if places.is_empty() {
            say("  looked for: in $FLAMBEAU_DATA, if that is set");
        }
    }
}

fn about(dataset: DatasetName) -> &'static str {
    match dataset {
        DatasetName::Digits => "1,797 handwritten digits, 8×8 grey pixels, 10 classes",
        DatasetName::Mnist => {
            "60,000 training and 10,000 test images of handwritten digits, 28×28 grey pixels, 10 classes"
        }
        DatasetName::FashionMnist => {
            "60,000 training and 10,000 test images of clothing, 28×28 grey pixels, 10 classes"
        }
    }
}

fn licence(dataset: DatasetName) -> &'static str {
    match dataset {
        DatasetName::Digits => "CC BY 4.0 (Alpaydin and Kaynak, UCI Machine Learning Repository)",
        DatasetName::Mnist => "CC BY-SA 3.0 (LeCun, Cortes and Burges)",
        DatasetName::FashionMnist => "MIT (Zalando)",
    }
}
