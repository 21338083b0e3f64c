//! An evaluation after each epoch.

use flambeau_data::{SealedTestSet, digits};

fn main() {
    let test = SealedTestSet::new(digits());
    for _epoch in 0..3 {
        let _data = test.open();
    }
}
