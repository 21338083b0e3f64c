//! How the compiler refuses to evaluate on a sealed test set twice.

#[test]
fn the_test_set_stays_sealed() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
