//! Tables from CSV files.

use flambeau_data::*;
use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The file stays, since an error about a cell counts the lines in it.
fn table(text: &[u8]) -> Result<Table, String> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("{}-table.csv", COUNT.fetch_add(1, Ordering::Relaxed)));
    std::fs::write(&path, text).unwrap();
    let named = |error: flambeau_tensor::Error| {
        let message = error.to_string();
        message.strip_prefix(&format!("{}: ", path.display())).expect("names the file").to_owned()
    };
    read_csv(&path, CsvOptions::default()).map_err(named)
}

fn complaint(text: &[u8]) -> String {
    table(text).unwrap_err()
}

#[test]
fn columns_get_the_type_that_is_asked_for() {
    let text = "\u{feff}area, rooms ,\"kind, of house\",note\n70.5,3,\"a \"\"flat\"\"\",\n120,5,villa,\"two\nlines\"\n";
    let mut gz = GzEncoder::new(Vec::new(), Compression::default());
    gz.write_all(text.as_bytes()).unwrap();
    for bytes in [text.as_bytes(), &gz.finish().unwrap()] {
        let table = table(bytes).unwrap();
        assert_eq!(table.columns(), ["area", "rooms", "kind, of house", "note"]);
        assert_eq!(table.len(), 2);
        assert_eq!(table.numbers(&["rooms", "area"]).unwrap().to_vec::<f32>(), [3.0, 70.5, 5.0, 120.0]);
        assert_eq!(table.integers("rooms").unwrap().to_vec::<i64>(), [3, 5]);
        let (classes, names) = table.categories("kind, of house").unwrap();
        assert_eq!((classes.to_vec::<i64>(), names), (vec![0, 1], vec!["a \"flat\"".into(), "villa".into()]));
        let data = table.regression(&["area"], "rooms").unwrap();
        assert_eq!((data.inputs().shape(), data.targets().shape()), (&[2, 1][..], &[2, 1][..]));
        let (data, names) = table.classification(&["area"], "kind, of house").unwrap();
        assert_eq!((data.targets().to_vec::<i64>(), names.len()), (vec![0, 1], 2));
    }
}

#[test]
fn cells_that_do_not_fit_are_named() {
    let good = table(b"x,y\n1,a\n\n,b\nNaN,c\nlarge,\n1e300,d\n2.5,e\n1e999,e\n").unwrap();
    let x = |table: &Table| table.numbers(&["x"]).unwrap_err().to_string();
    let message = x(&good);
    // Empty lines count.
    assert!(message.contains("table.csv: line 4, column \"x\": the cell is missing;"), "{message}");
    let rest = good.drop_missing(&["x"]).unwrap();
    assert_eq!(rest.len(), 5);
    let message = x(&rest);
    assert!(message.contains("line 6, column \"x\": \"large\" is not a number"), "{message}");
    let message = rest.texts("y").unwrap_err().to_string();
    assert!(message.contains("line 6, column \"y\": the cell is missing"), "{message}");
    let message = x(&table(b"x\n1e300\n").unwrap());
    assert!(message.contains("does not fit into f32"), "{message}");
    let message = x(&table(b"x\n1e999\n").unwrap());
    assert!(message.contains("\"1e999\" is not a number"), "{message}");
    let message = table(b"x\n2.5\n").unwrap().integers("x").unwrap_err().to_string();
    assert!(message.contains("line 2, column \"x\": 2.5 is not a whole number"), "{message}");
    let big = table(b"x\n9223372036854775807\n3.0\n").unwrap().integers("x").unwrap();
    assert_eq!(big.to_vec::<i64>(), [i64::MAX, 3]);
    let message = good.numbers(&["z"]).unwrap_err().to_string();
    assert!(message.contains("has no column \"z\"; its columns are [\"x\", \"y\"]"), "{message}");
    let (_, classes) = table(b"y\na\nb\n").unwrap().categories("y").unwrap();
    let message = table(b"y\na\nc\n").unwrap().categories_of("y", &classes).unwrap_err().to_string();
    assert!(message.contains("line 3, column \"y\": \"c\" is none of the 2 classes"), "{message}");
}

#[test]
fn damaged_files_are_named() {
    assert_eq!(
        complaint(b"a,b\n1,2\n3\n"),
        "line 3: has 1 cells, but the first line has 2; check its delimiters and quotes"
    );
    assert!(complaint(b"").contains("is empty"));
    assert_eq!(complaint(b"a,b\n1,\xff\n"), "line 2: cell 2 is not UTF-8 text; save the file in UTF-8");
    assert_eq!(complaint(b"a,a\n1,2\n"), "line 1: two columns are called \"a\"; rename one");
    let mut gz = GzEncoder::new(Vec::new(), Compression::default());
    gz.write_all(&b"a,b\n1,2\n".repeat(100)).unwrap();
    let gz = gz.finish().unwrap();
    assert!(!complaint(&gz[..gz.len() - 9]).is_empty());
    assert_eq!(table(b"a,b\n").unwrap().numbers(&["a"]).unwrap().shape(), [0, 1]);
    let message = read_csv("no/such.csv", CsvOptions::default()).unwrap_err().to_string();
    assert!(message.starts_with("no/such.csv: no such file"), "{message}");
}
