//! The test set is opened once, by whichever process.

use flambeau_data::{Dataset, SealedTestSet, Subset, digits, random_split};
use flambeau_tensor::Error;
use flambeau_train::RunFolder;
use std::fs::File;
use std::io::Write;

fn sealed() -> SealedTestSet<Subset> {
    let [_, test] = random_split(digits(), [0.9, 0.1], 0).unwrap();
    SealedTestSet::new(test)
}

#[test]
fn openings_are_recorded_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    // Each time as a process of its own would.
    let run = || RunFolder::open(folder.path()).unwrap();
    assert_eq!(run().test_openings().unwrap(), []);
    let first = run().open_test_set(sealed(), true).unwrap();
    assert_eq!((first.data.len(), first.caveat()), (179, None));
    for times in ["2nd", "3rd", "4th"] {
        let error = run().open_test_set(sealed(), false).unwrap_err();
        assert!(matches!(&error, Error::Config { field, .. } if field == "again"), "{error}");
        let opened = run().open_test_set(sealed(), true).unwrap();
        let caveat = opened.caveat().unwrap();
        assert!(caveat.contains(&format!("for the {times} time")), "{caveat}");
    }
    // What was refused was not opened.
    let openings = run().test_openings().unwrap();
    assert_eq!(openings.iter().map(|opening| opening.items).collect::<Vec<_>>(), [179; 4]);
    // Another run has a record of its own.
    assert!(RunFolder::open(folder.path().join("other")).unwrap().open_test_set(sealed(), false).is_ok());
}

#[test]
fn a_record_that_cannot_be_read_keeps_the_seal() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::open(folder.path()).unwrap();
    let path = folder.path().join("test_openings.jsonl");
    File::create(&path).unwrap().write_all(b"{\"time\":\"never\"}\n").unwrap();
    let message = run.open_test_set(sealed(), true).unwrap_err().to_string();
    assert!(message.contains("test_openings.jsonl: records no opening"), "{message}");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(run.open_test_set(sealed(), true).is_err());
}
