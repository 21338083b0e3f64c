//! Fetching data, from a server on this machine.

use crate::{fail, flambeau, idx, read, stderr, stdout, succeed};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

type Files = Vec<(String, Vec<u8>)>;

/// How a server answers.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Whole,
    /// Half of what was asked for, and then nothing for as long as the client listens.
    Half,
    Corrupt,
}

/// A server of files.
struct Server {
    url: String,
    answer: Arc<Mutex<Answer>>,
    /// Each request's file and the first byte asked for.
    asked: Arc<Mutex<Vec<(String, usize)>>>,
}

impl Server {
    fn start(files: &Files) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/set", listener.local_addr().unwrap());
        let server = Server { url, answer: Arc::new(Mutex::new(Answer::Whole)), asked: Arc::default() };
        let (files, answer, asked) =
            (Arc::new(files.clone()), Arc::clone(&server.answer), Arc::clone(&server.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (files, answer, asked) =
                    (Arc::clone(&files), *answer.lock().unwrap(), Arc::clone(&asked));
                std::thread::spawn(move || answer_one(stream.unwrap(), &files, answer, &asked));
            }
        });
        server
    }

    fn asked(&self) -> Vec<(String, usize)> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

fn answer_one(mut stream: TcpStream, files: &Files, answer: Answer, asked: &Mutex<Vec<(String, usize)>>) {
    let (mut name, mut from) = (String::new(), 0);
    for line in BufReader::new(stream.try_clone().unwrap()).lines() {
        let line = line.unwrap_or_default();
        if let Some(path) = line.strip_prefix("GET /set/") {
            name = path.split(' ').next().unwrap().to_owned();
        }
        if let Some(range) = line.to_lowercase().strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    asked.lock().unwrap().push((name.clone(), from));
    // The client may hang up at any time.
    let mut send = |bytes: &[u8]| drop(stream.write_all(bytes));
    let Some((_, body)) = files.iter().find(|(file, _)| *file == name) else {
        return send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    };
    let rest = &body[from..];
    let status = if from > 0 { "206 Partial Content" } else { "200 OK" };
    let (last, all, length) = (body.len() - 1, body.len(), rest.len());
    let range = format!("Content-Range: bytes {from}-{last}/{all}\r\n");
    send(
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{range}Connection: close\r\n\r\n")
            .as_bytes(),
    );
    match answer {
        Answer::Whole => send(rest),
        Answer::Half => {
            send(&rest[..length / 2]);
            std::thread::sleep(Duration::from_secs(20));
        }
        Answer::Corrupt => send(&rest.iter().map(|byte| byte ^ 1).collect::<Vec<_>>()),
    }
}

/// MNIST's four files with 12 training and 2 test images, and their checksums.
fn tiny() -> (Files, String) {
    let mut files = Files::new();
    for (part, n) in [("train", 12_u32), ("t10k", 2)] {
        let pixels: Vec<u8> = (0..n * 784).map(|i| (i.wrapping_mul(2_654_435_761) >> 20) as u8).collect();
        let labels: Vec<u8> = (0..n).map(|i| (i % 10) as u8).collect();
        files.push((format!("{part}-images-idx3-ubyte.gz"), gzip(&idx(&[n, 28, 28], &pixels))));
        files.push((format!("{part}-labels-idx1-ubyte.gz"), gzip(&idx(&[n], &labels))));
    }
    let sum = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect::<String>();
    let sums = files.iter().map(|(name, bytes)| format!("{}  {name}\n", sum(bytes))).collect();
    (files, sums)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_set_is_fetched_once_and_found() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (files, sums) = tiny();
    let server = Server::start(&files);
    std::fs::write(dir.join("sums"), sums).unwrap();
    let line = format!("data download mnist --mirror {}/ --checksums sums", server.url);

    assert_eq!(succeed(dir, &line), "mnist is in sets/mnist\n");
    let mut wanted: Vec<&String> = files.iter().map(|(name, _)| name).collect();
    wanted.sort();
    assert_eq!(names(&dir.join("sets/mnist")).iter().collect::<Vec<_>>(), wanted);
    assert_eq!(server.asked().len(), 4);
    succeed(dir, &line);
    assert_eq!(server.asked(), [], "fetched again");
    assert!(succeed(dir, "data stats mnist").contains("12 training images of 28×28"));
    assert!(succeed(dir, "data list").contains("here:       sets/mnist"));

    // A damaged file is fetched anew, the others are not.
    std::fs::write(dir.join("sets/mnist/t10k-labels-idx1-ubyte.gz"), "damaged").unwrap();
    succeed(dir, &line);
    assert_eq!(server.asked(), [("t10k-labels-idx1-ubyte.gz".to_owned(), 0)]);

    assert_eq!(succeed(dir, &format!("{line} --data-dir other")), "mnist is in other/mnist\n");
    // The same folder serves to read from.
    assert!(succeed(dir, "data stats mnist --data-dir other").contains("12 training images"));
    assert!(succeed(dir, "data download --help").contains("flambeau data download fashion-mnist"));
}

#[test]
fn an_interrupted_download_is_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (files, sums) = tiny();
    let server = Server::start(&files);
    std::fs::write(dir.join("sums"), sums).unwrap();
    let (name, body) = &files[0];
    let part = dir.join(format!("sets/mnist/{name}.part"));
    let line = format!("data download mnist --mirror {} --checksums sums", server.url);

    *server.answer.lock().unwrap() = Answer::Half;
    let mut child = flambeau(dir).args(line.split_whitespace()).spawn().unwrap();
    let start = Instant::now();
    let half = body.len() / 2;
    while !part.metadata().is_ok_and(|part| part.len() == half as u64) {
        assert!(start.elapsed() < Duration::from_secs(60), "no half file within a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(names(&dir.join("sets/mnist")), [format!("{name}.part")], "half a file under its own name");
    server.asked();

    *server.answer.lock().unwrap() = Answer::Whole;
    succeed(dir, &line);
    assert_eq!(server.asked()[0], (name.clone(), half));
    assert!(&std::fs::read(dir.join("sets/mnist").join(name)).unwrap() == body);
    assert!(!part.exists());
}

#[test]
fn what_is_wrong_is_told_in_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (files, sums) = tiny();
    let server = Server::start(&files);
    std::fs::write(dir.join("sums"), &sums).unwrap();
    let line = format!("data download mnist --mirror {}", server.url);
    let fail = |line: &str, parts: &[&str]| fail(dir, line, parts);

    // The files of another set: their checksums are not MNIST's.
    fail(&line, &["sets/mnist/train-images-idx3-ubyte.gz", &server.url, "other bytes than the MD5 f68b3c2d"]);
    *server.answer.lock().unwrap() = Answer::Corrupt;
    fail(&format!("{line} --checksums sums"), &["sets/mnist/train-images", "other bytes than the SHA-256"]);
    assert_eq!(read(dir.join("sets/mnist/train-images-idx3-ubyte.gz.part")), "", "corrupt bytes are kept");
    *server.answer.lock().unwrap() = Answer::Whole;
    fail(
        &format!("data download cifar10 --mirror {}", server.url),
        &["cifar-10-binary.tar.gz", "answered 404"],
    );

    std::fs::write(dir.join("bad"), "abc  train-images-idx3-ubyte.gz\n").unwrap();
    fail(&format!("{line} --checksums bad"), &["bad", "line 1", "sha256sum"]);
    std::fs::write(dir.join("few"), sums.lines().next().unwrap()).unwrap();
    fail(&format!("{line} --checksums few"), &["few", "no checksum of train-labels-idx1-ubyte.gz"]);
    fail(&format!("{line} --checksums none"), &["none", "cannot be read"]);
    fail("data download mnist --checksums sums", &["--mirror"]);
    fail("data download mnist --mirror ftp://x", &["ftp://x", "https://"]);
    fail("data download imagenet", &["imagenet", "mnist, fashion-mnist, kmnist, emnist, cifar10, cifar100"]);
    std::fs::write(dir.join("file"), "").unwrap();
    fail(&format!("{line} --data-dir file"), &["file/mnist", "cannot be written"]);
}

#[test]
fn without_an_answer_each_address_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let line = "data download mnist --mirror http://127.0.0.1:1/a --mirror http://127.0.0.1:1/b";
    let output = flambeau(dir.path()).args(line.split_whitespace()).output().unwrap();
    let message = stderr(&output);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""), "{message}");
    assert!(message.contains("1:1/a/train-images") && message.contains("1:1/b/train-images"), "{message}");
}
