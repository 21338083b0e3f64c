//! A second evaluation.

use flambeau_data::{SealedTestSet, digits};

fn main() {
    let test = SealedTestSet::new(digits());
    let first = test.open();
    let second = test.open();
}
