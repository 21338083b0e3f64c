//! What the compiler refuses, and with which words.

/// Of the derive macro.
#[test]
fn refusals() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}

/// Of an evaluation on a sealed test set that is not the only one. Not in the crate of the data: there all that its features
/// ask for would be checked anew, in the tests' own folder.
#[test]
fn the_test_set_stays_sealed() {
    trybuild::TestCases::new().compile_fail("tests/test_set/*.rs");
}
