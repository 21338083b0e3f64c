//! What the derive macro refuses, and with which words.

#[test]
fn refusals() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
