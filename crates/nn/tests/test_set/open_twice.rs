//! A second evaluation.

use flambeau_data::{SealedTestSet, digits};

fn main() {
    let test = SealedTestSet::new(digits());
    let _first = test.open();
    let _second = test.open();
}
