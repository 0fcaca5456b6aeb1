//! Text messages by Amazon SNS: Amazon's own SDK against `moto`, which plays AWS.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fleet::notice::{PhoneNumber, TextLimits};
use server::notifier::NotSent;
use server::notifier::text::{Provider, Sns, SnsAccess, Texts};

use crate::cloud::{free_address, needs};
use crate::door_setup::PATIENCE;

/// Plays AWS, and prints what was texted whenever it is sent a line.
const SCRIPT: &str = "
import json, sys
from moto.core import DEFAULT_ACCOUNT_ID
from moto.server import ThreadedMotoServer
from moto.sns import sns_backends
ThreadedMotoServer(ip_address='127.0.0.1', port=int(sys.argv[1]), verbose=False).start()
for line in sys.stdin:
    backend = sns_backends[DEFAULT_ACCOUNT_ID][line.strip()]
    print(json.dumps({key: list(sent) for key, sent in backend.sms_messages.items()}), flush=True)
";

struct Moto {
    child: Child,
    endpoint: String,
}

impl Moto {
    /// None where only the core's tests are wanted and it is not installed.
    fn start() -> Option<Self> {
        if !needs("moto_server") {
            return None;
        }
        let address = free_address();
        let mut command = Command::new("python3");
        command.args(["-c", SCRIPT]).arg(address.port().to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert_eq!(child.try_wait().unwrap(), None, "moto ended");
            assert!(began.elapsed() < 9 * PATIENCE, "moto does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(Self { child, endpoint: format!("http://{address}") })
    }

    /// Ids, and numbers and texts, as AWS would have them.
    fn texted(&mut self, region: &str) -> serde_json::Value {
        writeln!(self.child.stdin.as_mut().unwrap(), "{region}").unwrap();
        let mut line = String::new();
        BufReader::new(self.child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn texts(endpoint: &str) -> Texts {
    let access = SnsAccess {
        region: "eu-central-1",
        access_key: "AKIATEST",
        secret: "secret",
        endpoint: Some(endpoint),
    };
    Texts { provider: Provider::Sns(Sns::new(&access)), limits: TextLimits::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_sdk_texts_a_number_and_the_id_is_the_receipt() {
    let Some(mut moto) = Moto::start() else { return };
    let number = PhoneNumber::parse("+16175550119").unwrap();
    let text = "ALARM Hall B (Pier 4): charger fault since 2:31 AM. \u{20ac}5 & more";
    let answer = texts(&moto.endpoint).send(&number, text).await.unwrap();
    let id = answer.strip_prefix("200 id ").unwrap();
    let texted = moto.texted("eu-central-1");
    assert_eq!(texted[id], serde_json::json!(["+16175550119", text]), "{texted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_sns_is_not_there_a_text_waits() {
    let endpoint = format!("http://{}", free_address());
    let number = PhoneNumber::parse("+16175550119").unwrap();
    let began = Instant::now();
    let answer = texts(&endpoint).send(&number, "x").await.unwrap_err();
    assert!(matches!(answer, NotSent::Deferred(_)), "{answer:?}");
    assert!(began.elapsed() < PATIENCE);
    // What is longer than one message is not even tried.
    let long = texts(&endpoint).send(&number, &"x".repeat(161)).await.unwrap_err();
    assert!(matches!(long, NotSent::Refused(_)), "{long:?}");
}

/// ASVS 5.0: 16.4.1.
#[tokio::test(flavor = "multi_thread")]
async fn what_sns_says_of_a_failure_is_one_line() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = BufReader::new(stream.try_clone().unwrap());
        let (mut line, mut length) = (String::new(), 0);
        while asked.read_line(&mut line).unwrap() > 2 {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        asked.read_exact(&mut vec![0; length]).unwrap();
        let said = "<ErrorResponse><Error><Code>InvalidParameter</Code><Message>no\n2026-11-27T12:00:00Z  INFO ready\n\
                    </Message></Error></ErrorResponse>";
        let head = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/xml\r\nConnection: close\r\n";
        write!(stream, "{head}Content-Length: {}\r\n\r\n{said}", said.len()).unwrap();
    });
    let number = PhoneNumber::parse("+16175550119").unwrap();
    let answer = texts(&endpoint).send(&number, "x").await.unwrap_err();
    answering.join().unwrap();
    let NotSent::Refused(said) = answer else { panic!("{answer:?}") };
    assert!(said.contains("2026-11-27T12:00:00Z") && !said.chars().any(char::is_control), "{said:?}");
}
