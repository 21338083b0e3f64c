//! Downloads from servers that cut off, stall, lie or ignore what they are asked.

use flambeau_data::{Checksum, Downloader, RemoteFile};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How a server answers one request.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Whole,
    /// States the right length and closes after so many bytes.
    CutAfter(usize),
    /// Sends so many bytes and then nothing, for as long as the client listens.
    StallAfter(usize),
    /// Says nothing at all.
    Silence,
    Corrupt,
    IgnoreRange,
    WrongRange,
    Status(u16),
    Nonsense,
}

struct Server {
    url: String,
    /// The first byte asked for in each request.
    asked: Arc<Mutex<Vec<usize>>>,
}

/// A server that gives these answers one after another, and the last again and again.
fn serve(body: &[u8], answers: &[Answer]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/file", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (body, answers, log) = (body.to_vec(), answers.to_vec(), Arc::clone(&asked));
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let answer = answers[number.min(answers.len() - 1)];
            let (body, log) = (body.clone(), Arc::clone(&log));
            std::thread::spawn(move || answer_one(stream.unwrap(), &body, answer, &log));
        }
    });
    Server { url, asked }
}

fn answer_one(mut stream: TcpStream, body: &[u8], answer: Answer, log: &Mutex<Vec<usize>>) {
    let mut from = 0;
    for line in BufReader::new(stream.try_clone().unwrap()).lines() {
        let line = line.unwrap_or_default().to_lowercase();
        if let Some(range) = line.strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    log.lock().unwrap().push(from);
    let hold = || std::thread::sleep(Duration::from_secs(20));
    // The client may hang up at any time.
    let mut send = |bytes: &[u8]| drop(stream.write_all(bytes));
    match answer {
        Answer::Silence => return hold(),
        Answer::Status(code) => {
            return send(format!("HTTP/1.1 {code} No\r\nContent-Length: 0\r\n\r\n").as_bytes());
        }
        Answer::Nonsense => return send(b"this is not HTTP\r\n\r\n"),
        _ => {}
    }
    if matches!(answer, Answer::IgnoreRange) {
        from = 0;
    }
    if from >= body.len() {
        return send(b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n");
    }
    let stated = if matches!(answer, Answer::WrongRange) { 0 } else { from };
    let rest = &body[from..];
    let status = if from > 0 { "206 Partial Content" } else { "200 OK" };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Range: bytes {stated}-{}/{}\r\nConnection: close\r\n\r\n",
        rest.len(),
        body.len() - 1,
        body.len()
    );
    send(head.as_bytes());
    match answer {
        Answer::CutAfter(n) => send(&rest[..n.min(rest.len())]),
        Answer::StallAfter(n) => {
            send(&rest[..n.min(rest.len())]);
            hold();
        }
        Answer::Corrupt => send(&rest.iter().map(|byte| byte ^ 1).collect::<Vec<_>>()),
        _ => send(rest),
    }
}

fn body() -> Vec<u8> {
    (0..300_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect()
}

/// What `sha256sum` gives for [`body`].
const SHA256: &str = "d5397f395028a36a877582420027c07a9dffa109caf6625ee9fb42ba86859168";

fn remote(urls: &[&Server]) -> RemoteFile {
    let urls = urls.iter().map(|server| server.url.clone()).collect();
    RemoteFile { name: "data.bin".into(), urls, checksum: Checksum::Sha256(SHA256.into()) }
}

fn quick() -> Downloader {
    Downloader::new().timeout(Duration::from_millis(400))
}

fn fetch(servers: &[&Server], folder: &Path) -> Result<(), String> {
    let path = quick().fetch(&remote(servers), folder, &mut |_| ()).map_err(|error| error.to_string())?;
    assert_eq!(std::fs::read(path).unwrap(), body());
    assert!(!folder.join("data.bin.part").exists());
    Ok(())
}

#[test]
fn a_file_is_fetched_once_and_its_progress_told() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(&body(), &[Answer::Whole]);
    let mut seen = Vec::new();
    let folder = dir.path().join("new/folder");
    let path = quick()
        .fetch(&remote(&[&server]), &folder, &mut |p| seen.push((p.name.to_owned(), p.done, p.total)))
        .unwrap();
    assert_eq!(path, folder.join("data.bin"));
    assert_eq!(seen[0], ("data.bin".to_owned(), 0, Some(300_000)));
    assert_eq!(seen.last().unwrap().1, 300_000);
    assert!(seen.is_sorted());
    fetch(&[&server], &folder).unwrap();
    assert_eq!(*server.asked.lock().unwrap(), [0], "not fetched again");
    // A damaged copy is.
    std::fs::write(&path, b"damaged").unwrap();
    fetch(&[&server], &folder).unwrap();
}

#[test]
fn a_cut_off_download_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(&body(), &[Answer::CutAfter(100_000), Answer::CutAfter(50_000), Answer::Whole]);
    fetch(&[&server], dir.path()).unwrap();
    assert_eq!(*server.asked.lock().unwrap(), [0, 100_000, 150_000]);
    // Each attempt gets further, so their number is not limited.
    let dir = tempfile::tempdir().unwrap();
    let server = serve(&body(), &[Answer::CutAfter(30_000)]);
    fetch(&[&server], dir.path()).unwrap();
    assert_eq!(server.asked.lock().unwrap().len(), 10);
}

#[test]
fn what_an_earlier_process_left_is_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("data.bin.part"), &body()[..200_000]).unwrap();
    let server = serve(&body(), &[Answer::Whole]);
    fetch(&[&server], dir.path()).unwrap();
    assert_eq!(*server.asked.lock().unwrap(), [200_000]);
    // A part that is whole, one that is too long, one of another file.
    for part in [body(), vec![1; 400_000], vec![2; 10]] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("data.bin.part"), part).unwrap();
        fetch(&[&serve(&body(), &[Answer::Whole])], dir.path()).unwrap();
    }
}

#[test]
fn a_server_that_ignores_the_range_sends_all_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(&body(), &[Answer::CutAfter(100_000), Answer::IgnoreRange]);
    fetch(&[&server], dir.path()).unwrap();
    assert_eq!(*server.asked.lock().unwrap(), [0, 100_000]);
    let dir = tempfile::tempdir().unwrap();
    let server = serve(&body(), &[Answer::CutAfter(100_000), Answer::WrongRange, Answer::Whole]);
    fetch(&[&server], dir.path()).unwrap();
    assert_eq!(*server.asked.lock().unwrap(), [0, 100_000, 0]);
}

#[test]
fn a_server_that_stalls_is_left() {
    for answer in [Answer::StallAfter(100_000), Answer::Silence] {
        let dir = tempfile::tempdir().unwrap();
        let (stalls, good) = (serve(&body(), &[answer]), serve(&body(), &[Answer::Whole]));
        let start = Instant::now();
        fetch(&[&stalls, &good], dir.path()).unwrap();
        assert!(start.elapsed() < Duration::from_secs(5), "{answer:?}: {:?}", start.elapsed());
        let from = if matches!(answer, Answer::Silence) { 0 } else { 100_000 };
        assert_eq!(*good.asked.lock().unwrap(), [from], "{answer:?}");
    }
}

#[test]
fn corrupt_bytes_are_thrown_away_and_the_next_mirror_tried() {
    let dir = tempfile::tempdir().unwrap();
    let (bad, good) = (serve(&body(), &[Answer::Corrupt]), serve(&body(), &[Answer::Whole]));
    fetch(&[&bad, &good], dir.path()).unwrap();
    assert_eq!(*good.asked.lock().unwrap(), [0]);
}

#[test]
fn when_no_address_helps_each_is_named_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let servers = [
        serve(&body(), &[Answer::Corrupt]),
        serve(&body(), &[Answer::Status(404)]),
        serve(&body(), &[Answer::Nonsense]),
        serve(&body(), &[Answer::Silence]),
    ];
    let nowhere = Server { url: "http://127.0.0.1:1/file".into(), asked: Arc::default() };
    let all: Vec<&Server> = servers.iter().chain([&nowhere]).collect();
    let start = Instant::now();
    let message = fetch(&all, dir.path()).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(message.starts_with(&dir.path().join("data.bin").display().to_string()), "{message}");
    for server in all {
        assert!(message.contains(&server.url), "{message}");
        assert!(server.asked.lock().unwrap().len() <= 3);
    }
    assert!(
        message.contains("sent other bytes than the SHA-256") && message.contains("answered 404"),
        "{message}"
    );
    assert!(!dir.path().join("data.bin").exists());
    let none = RemoteFile { urls: Vec::new(), ..remote(&[]) };
    let message = quick().fetch(&none, dir.path(), &mut |_| ()).unwrap_err().to_string();
    assert!(message.contains("no address is known"), "{message}");
    for name in ["../x", "a/b", "", ".."] {
        let bad = RemoteFile { name: name.into(), ..remote(&[]) };
        let message = quick().fetch(&bad, dir.path(), &mut |_| ()).unwrap_err().to_string();
        assert!(message.contains("is no file name"), "{message}");
    }
}

#[test]
fn two_at_once_fetch_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(&body(), &[Answer::Whole]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| fetch(&[&server], dir.path()).unwrap());
        }
    });
    assert_eq!(server.asked.lock().unwrap().len(), 1);
}
