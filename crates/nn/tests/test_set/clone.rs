//! A copy of the seal.

use flambeau_data::{SealedTestSet, digits};

fn main() {
    let test = SealedTestSet::new(digits());
    let _copy = test.clone();
}
