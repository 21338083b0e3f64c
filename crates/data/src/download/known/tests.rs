#![allow(clippy::disallowed_methods, reason = "files of archives are made")]

use super::*;
use crate::{Cifar100Labels, Dataset, EMnistSplit, Split, cifar100, emnist};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{Read, Write};
use std::net::TcpListener;

/// A server that answers every request with `body`, and its address.
fn serve(body: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(&body);
        }
    });
    format!("http://{address}/")
}

fn md5(bytes: &[u8]) -> String {
    use md5::Digest;
    md5::Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn tar_gz(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn fetch(set: KnownDataset, name: &str, archive: Vec<u8>, data_dir: &Path) -> Result<PathBuf> {
    let remote = file(vec![format!("{}{name}", serve(archive.clone()))], name.into(), &md5(&archive));
    set.fetch_from(&[remote], &Downloader::new(), data_dir, &mut |_| ())
}

#[test]
fn cifar_is_unpacked_and_read() {
    let dir = tempfile::tempdir().unwrap();
    let record = |coarse, fine| [vec![coarse, fine], vec![7; 3072]].concat();
    let archive = tar_gz(&[
        ("cifar-100-binary/fine_label_names.txt", b"not wanted".to_vec()),
        ("cifar-100-binary/train.bin", record(1, 2)),
        ("cifar-100-binary/test.bin", record(3, 4)),
    ]);
    let folder = fetch(KnownDataset::Cifar100, "cifar-100-binary.tar.gz", archive, dir.path()).unwrap();
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["test.bin", "train.bin"]);
    assert_eq!(cifar100(&folder, Split::Test, Cifar100Labels::Fine).unwrap().targets().to_vec::<i64>(), [4]);
    assert_eq!(KnownDataset::Cifar100.find(dir.path()), Some(folder.clone()));
    // Nothing is fetched again: this address leads nowhere.
    let nowhere = file(vec!["http://127.0.0.1:1/x.tar.gz".into()], "x.tar.gz".into(), "0");
    let again = KnownDataset::Cifar100.fetch_from(&[nowhere], &Downloader::new(), dir.path(), &mut |_| ());
    assert_eq!(again.unwrap(), folder);
}

#[test]
fn an_archive_without_its_files_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let archive = tar_gz(&[("x/train.bin", vec![1]), ("x/test.bin/no.txt", vec![1])]);
    let message = fetch(KnownDataset::Cifar100, "c.tar.gz", archive, dir.path()).unwrap_err().to_string();
    assert!(message.contains("c.tar.gz: is an archive without [\"test.bin\"]"), "{message}");
    assert_eq!(KnownDataset::Cifar100.find(dir.path()), None);
}

#[test]
fn emnist_is_unpacked_and_read() {
    let dir = tempfile::tempdir().unwrap();
    let gzip = |bytes: &[u8]| {
        let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
        gz.write_all(bytes).unwrap();
        gz.finish().unwrap()
    };
    let images = gzip(&[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255]);
    let labels = gzip(&[0, 0, 8, 1, 0, 0, 0, 1, 3]);
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for name in KnownDataset::EMnist.unpacked() {
        zip.start_file(format!("gzip/{name}"), zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(if name.contains("images") { &images } else { &labels }).unwrap();
    }
    let archive = zip.finish().unwrap().into_inner();
    let folder = fetch(KnownDataset::EMnist, "gzip.zip", archive, dir.path()).unwrap();
    let data = emnist(&folder, EMnistSplit::Letters, Split::Test).unwrap();
    assert_eq!((data.len(), data.images().shape()), (1, &[1, 1, 2, 1][..]));
}

#[test]
fn every_set_has_files_with_checksums() {
    for set in KnownDataset::ALL {
        for file in set.files() {
            assert!(
                !file.urls.is_empty() && file.urls.iter().all(|url| url.ends_with(&file.name)),
                "{file:?}"
            );
            assert!(matches!(&file.checksum, Checksum::Md5(hex) if hex.len() == 32), "{file:?}");
        }
    }
}
