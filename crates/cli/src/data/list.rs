//! `flambeau data list`.

use flambeau::data::EMnistSplit;
use flambeau::train::config::DataName;

use crate::console::say;

/// One paragraph a data set.
pub(super) fn run() {
    for dataset in DataName::KNOWN {
        let (about, licence, megabytes) = facts(dataset);
        say(dataset.name());
        say(format_args!("  {about}"));
        say(format_args!("  licence:    {licence}"));
        let Some(set) = dataset.remote() else {
            say("  here:       part of the program");
            say("");
            continue;
        };
        match dataset.place() {
            Some(place) => say(format_args!("  here:       {}", place.display())),
            None => say(format_args!(
                "  here:       no; `flambeau data download {}` fetches it ({megabytes} MB)",
                set.name()
            )),
        }
        for (place, what) in dataset.places().iter().zip(["looked for:", "           "].into_iter().cycle()) {
            say(format_args!("  {what} {}", place.display()));
        }
        say("");
    }
    say("folder:PATH");
    say(
        "  PNG, JPEG, WebP and BMP images of your own, in a folder for each class, or in such folders below train and test",
    );
    say("");
    say("csv:PATH");
    say("  a table of your own with a line of names at its head; data.target names the column to be learnt");
}

/// What it is, its licence, and the megabytes to fetch.
fn facts(dataset: &DataName) -> (&'static str, &'static str, usize) {
    const NIST: &str =
        "none stated; made from NIST Special Database 19 (Cohen, Afshar, Tapson and van Schaik)";
    const OWN: &str = "that of flambeau";
    const CIFAR: &str = "none stated; for research (Krizhevsky)";
    match dataset {
        DataName::Digits => (
            "1,797 handwritten digits, 8×8 grey pixels, 10 classes",
            "CC BY 4.0 (Alpaydin and Kaynak, UCI Machine Learning Repository)",
            0,
        ),
        DataName::Mnist => (
            "60,000 training and 10,000 test images of handwritten digits, 28×28 grey pixels, 10 classes",
            "CC BY-SA 3.0 (LeCun, Cortes and Burges)",
            12,
        ),
        DataName::FashionMnist => (
            "60,000 training and 10,000 test images of clothing, 28×28 grey pixels, 10 classes",
            "MIT (Zalando)",
            31,
        ),
        DataName::KMnist => (
            "60,000 training and 10,000 test images of cursive Japanese characters, 28×28 grey pixels, 10 classes",
            "CC BY-SA 4.0 (ROIS-DS Center for Open Data in the Humanities)",
            21,
        ),
        DataName::EMnist(split) => (
            match split {
                EMnistSplit::ByClass => {
                    "814,255 handwritten digits, capitals and small letters, 28×28 grey pixels, 62 unequal classes"
                }
                EMnistSplit::ByMerge => {
                    "the same in 47 classes: small letters that look like their capitals are in one class with them"
                }
                EMnistSplit::Balanced => "131,600 handwritten digits and letters in 47 equal classes",
                EMnistSplit::Letters => {
                    "145,600 handwritten letters in 26 classes, whose labels run from 1: class 0 is empty"
                }
                EMnistSplit::Digits => "280,000 handwritten digits in 10 equal classes",
                EMnistSplit::Mnist => "70,000 handwritten digits in 10 equal classes, made to fit MNIST",
            },
            NIST,
            562,
        ),
        DataName::Cifar10 => {
            ("50,000 training and 10,000 test photographs, 32×32 pixels in colour, 10 classes", CIFAR, 170)
        }
        DataName::Cifar100 => {
            ("50,000 training and 10,000 test photographs, 32×32 pixels in colour, 100 classes", CIFAR, 169)
        }
        DataName::HousePrices => {
            ("2,000 invented houses: 4 columns of numbers, and the price to be told", OWN, 0)
        }
        DataName::TwoMoons => ("1,000 points of the plane in 2 half circles, invented", OWN, 0),
        DataName::Spirals => ("1,000 points of the plane in 3 spirals, invented", OWN, 0),
        DataName::Blobs => ("1,000 points of the plane in 3 clouds, invented", OWN, 0),
        DataName::Folder(_) => ("a folder of images", "your own", 0),
        DataName::Csv(_) => ("a table", "your own", 0),
    }
}
