//! Clients that are slow, hold up, or want too much; others are served meanwhile.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::StreamExt;
use kbgap_edge::{ConnectionLimits, Development, Edge, Tls, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How long is waited for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server with some routes.
struct Served {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
    folder: tempfile::TempDir,
}

fn routes() -> Router {
    Router::new()
        .route("/", get(|| async { "ok" }))
        .route(
            "/count",
            post(|body: Bytes| async move { body.len().to_string() }),
        )
        .route(
            "/peer",
            get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() }),
        )
        .route(
            "/slow",
            get(|| async {
                sleep(Duration::from_millis(700)).await;
                "done"
            }),
        )
        .route("/large", get(large))
}

/// More than sockets hold.
async fn large() -> Response {
    let piece = Bytes::from(vec![b'x'; 1 << 20]);
    let pieces = futures_util::stream::iter(std::iter::repeat_n(piece, 64));
    Body::from_stream(pieces.map(Ok::<_, std::io::Error>)).into_response()
}

impl Served {
    async fn start(limits: ConnectionLimits, with_tls: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tls = with_tls.then(|| {
            let development = Development::new(folder.path().to_owned(), []);
            Tls::of_development(development).unwrap()
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped = async move {
            let _ = stopped.await;
        };
        let task = tokio::spawn(serve(listener, Edge { tls, limits }, routes(), stopped));
        Self {
            address,
            stop: Some(stop),
            task,
            folder,
        }
    }

    async fn plain(limits: ConnectionLimits) -> Self {
        Self::start(limits, false).await
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection on which some bytes were sent.
    async fn send(&self, bytes: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream
    }

    /// Others are served, at once.
    async fn serves_others(&self) {
        let began = Instant::now();
        let mut stream = self
            .send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            .await;
        let answer = rest(&mut stream).await;
        assert!(answer.ends_with("ok"), "{answer}");
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "{:?}",
            began.elapsed()
        );
    }

    /// An HTTP/2 client.
    fn client(&self) -> reqwest::Client {
        let pem = std::fs::read(self.folder.path().join("ca.pem")).unwrap();
        let root = reqwest::Certificate::from_pem(&pem).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([root]);
        client.build().unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }
}

/// What comes until the server closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is a close, too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes))
        .await
        .expect("it is not closed");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Sends a byte at a time until the server closes; what it answered, and how long that took.
async fn trickle(
    stream: TcpStream,
    bytes: impl Iterator<Item = u8>,
    each: Duration,
) -> (String, Duration) {
    let began = Instant::now();
    let (mut read, mut write) = stream.into_split();
    let reading = tokio::spawn(async move {
        let mut bytes = Vec::new();
        let _ = timeout(PATIENCE, read.read_to_end(&mut bytes))
            .await
            .expect("it is not closed");
        (
            String::from_utf8_lossy(&bytes).into_owned(),
            began.elapsed(),
        )
    });
    for byte in bytes {
        if reading.is_finished() || write.write_all(&[byte]).await.is_err() {
            break;
        }
        sleep(each).await;
    }
    reading.await.unwrap()
}

fn quick() -> ConnectionLimits {
    ConnectionLimits {
        handshake: Duration::from_millis(400),
        header: Duration::from_millis(400),
        stalled: Duration::from_secs(1),
        body: Duration::from_millis(400),
        body_rate: 1000,
        finish: Duration::from_secs(2),
        ..ConnectionLimits::default()
    }
}

const EACH: Duration = Duration::from_millis(20);

#[tokio::test]
async fn a_header_that_trickles_is_not_waited_for() {
    let served = Served::plain(quick()).await;
    let stream = served.send("GET / HTTP/1.1\r\nHost: a\r\nX-Long: ").await;
    let trickling = tokio::spawn(trickle(stream, std::iter::repeat(b'x'), EACH));
    let silent = tokio::spawn({
        let mut silent = served.connect().await;
        async move { rest(&mut silent).await }
    });
    served.serves_others().await;
    let (answer, took) = trickling.await.unwrap();
    assert!(!answer.contains("200 OK"), "{answer}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    silent.await.unwrap();
    served.serves_others().await;
}

#[tokio::test]
async fn a_connection_that_is_idle_ends() {
    let served = Served::plain(quick()).await;
    let began = Instant::now();
    let mut stream = served.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answer = rest(&mut stream).await;
    assert!(answer.ends_with("ok"), "{answer}");
    let took = began.elapsed();
    assert!(
        took >= Duration::from_millis(300) && took < Duration::from_secs(3),
        "{took:?}"
    );
}

#[tokio::test]
async fn a_body_that_trickles_is_not_waited_for() {
    let served = Served::plain(quick()).await;
    let head = "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
    let stream = served.send(head).await;
    let trickling = tokio::spawn(trickle(stream, std::iter::repeat(b'x'), EACH));
    served.serves_others().await;
    let (answer, took) = trickling.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(took < Duration::from_secs(3), "{took:?}");

    // Slow, but at the pace: 20 kB a second for longer than is waited without.
    let mut steady = served
        .send(
            "POST /count HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 20000\r\n\r\n",
        )
        .await;
    for _ in 0..50 {
        steady.write_all(&[b'x'; 400]).await.unwrap();
        sleep(EACH).await;
    }
    let answer = rest(&mut steady).await;
    assert!(answer.ends_with("20000"), "{answer}");
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let served = Served::plain(quick()).await;
    let mut stream = served.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    served.serves_others().await;
    sleep(Duration::from_millis(2500)).await;
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200"));
    assert!(answer.len() < 60 << 20, "all was sent: {}", answer.len());
    // Who takes it, however slowly, gets it.
    let mut stream = served
        .send("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await;
    let mut taken = 0;
    let mut piece = vec![0; 1 << 20];
    loop {
        let some = stream.read(&mut piece).await.unwrap();
        if some == 0 {
            break;
        }
        taken += some;
        sleep(Duration::from_millis(5)).await;
    }
    assert!(taken > 64 << 20, "{taken}");
}

#[tokio::test]
async fn headers_have_a_limit() {
    let served = Served::plain(quick()).await;
    let many = "X-A: b\r\n".repeat(120);
    let long = format!("X-A: {}\r\n", "b".repeat(100 << 10));
    for headers in [many, long] {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
        let mut stream = served.connect().await;
        // It may be closed while we still send.
        let _ = stream.write_all(head.as_bytes()).await;
        let answer = rest(&mut stream).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
            "{answer}"
        );
    }
    served.serves_others().await;
}

#[tokio::test]
async fn an_address_has_so_many_connections() {
    let served = Served::plain(ConnectionLimits {
        per_address: 3,
        header: PATIENCE,
        ..quick()
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = served.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let mut some = [0; 12];
        stream.read_exact(&mut some).await.unwrap();
        held.push(stream);
    }
    let mut one_more = served.connect().await;
    assert_eq!(rest(&mut one_more).await, "");
    // Another address is not concerned.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = socket.connect(served.address).await.unwrap();
    other
        .write_all(b"GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    assert!(rest(&mut other).await.contains("127.0.0.2:"));
    held.pop();
    sleep(Duration::from_millis(100)).await;
    served.serves_others().await;
}

#[tokio::test]
async fn who_finds_no_place_waits_for_one() {
    let served = Served::plain(ConnectionLimits {
        total: 2,
        ..quick()
    })
    .await;
    let _held = [served.connect().await, served.connect().await];
    // Both say nothing, and lose their places.
    let began = Instant::now();
    let mut stream = served
        .send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await;
    let answer = rest(&mut stream).await;
    assert!(answer.ends_with("ok"), "{answer}");
    assert!(began.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_handshake_that_trickles_is_not_waited_for() {
    let served = Served::start(quick(), true).await;
    let mut silent = served.connect().await;
    // A record of a handshake that goes on and on.
    let record = [0x16, 3, 1, 0x40, 0]
        .into_iter()
        .chain(std::iter::repeat(1));
    let stream = served.connect().await;
    let trickling = tokio::spawn(trickle(stream, record, EACH));
    let answer = served.client().get(served.url("/")).send().await.unwrap();
    assert_eq!(answer.version(), axum::http::Version::HTTP_2);
    rest(&mut silent).await;
    let (_, took) = trickling.await.unwrap();
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn requests_of_one_connection_have_a_limit() {
    let served = Served::start(
        ConnectionLimits {
            streams: 4,
            per_address: 1,
            stalled: PATIENCE,
            ..quick()
        },
        true,
    )
    .await;
    let client = served.client();
    // The first one makes the connection, and tells its limits.
    client.get(served.url("/")).send().await.unwrap();
    let began = Instant::now();
    let requests = (0..8).map(|_| client.get(served.url("/slow")).send());
    for answer in futures_util::future::join_all(requests).await {
        assert_eq!(answer.unwrap().status(), StatusCode::OK);
    }
    // Eight at once, of which four are let through at a time.
    assert!(
        began.elapsed() >= Duration::from_millis(1400),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn an_idle_connection_of_http2_ends() {
    let served = Served::start(quick(), true).await;
    let client = served.client();
    let peer = async || {
        let answer = client.get(served.url("/peer")).send().await.unwrap();
        answer.text().await.unwrap()
    };
    let first = peer().await;
    assert_eq!(peer().await, first);
    sleep(Duration::from_secs(1)).await;
    assert_ne!(peer().await, first);
}

#[tokio::test]
async fn a_stop_finishes_what_is_under_way_and_ends() {
    for with_tls in [false, true] {
        let mut served = Served::start(
            ConnectionLimits {
                header: PATIENCE,
                handshake: PATIENCE,
                ..quick()
            },
            with_tls,
        )
        .await;
        let _silent = served.connect().await;
        let answer = if with_tls {
            let client = served.client();
            let url = served.url("/slow");
            tokio::spawn(async move { client.get(url).send().await.unwrap().text().await.unwrap() })
        } else {
            let mut stream = served.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
            tokio::spawn(async move { rest(&mut stream).await })
        };
        sleep(Duration::from_millis(300)).await;
        let began = Instant::now();
        served.stop.take().unwrap().send(()).unwrap();
        assert!(answer.await.unwrap().ends_with("done"));
        served.task.await.unwrap();
        assert!(
            began.elapsed() < Duration::from_millis(1500),
            "{:?}",
            began.elapsed()
        );
    }
}
