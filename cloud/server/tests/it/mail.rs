//! Mails leave the outbox: to a real mail server over TLS, never in the clear, none lost, none twice but after a crash.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use driven_clock::Driver;
use mail_parser::{Message, MessageParser};
use server::config::{Encryption, MailServer as Server};
use server::notifier::{self, Counters, Letterhead, Sink, Smtp, Way, Ways};
use store::state::{Email, MailState, NewMail, Receipt, StateStore};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::cloud::{Cloud, free_address, keep_secret};
use crate::door_setup::{Authority, PATIENCE};
use crate::mail_server::{MailServer, PASSWORD, Relay, Setup, USERNAME, files};

const HALF_AN_HOUR_MS: i64 = 30 * 60_000;

/// Longer than elsewhere: back-off comes on top of two programs that may have to share two cores with many.
fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < 9 * PATIENCE, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The outbox of a running cloud, written to and read from this process.
struct Outbox {
    runtime: Runtime,
    store: StateStore,
}

impl Outbox {
    fn open(cloud: &Cloud) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let store = runtime.block_on(StateStore::open(&cloud.path("data/state.sqlite"))).unwrap();
        Self { runtime, store }
    }

    fn queue(&self, key: &str, to: &str, text: &str) {
        let now = server::clock::now();
        let mail = NewMail {
            key,
            to: &Email::parse(to).unwrap(),
            kind: "test",
            subject: &format!("Größe {key}"),
            text,
            html: &format!("<p>{text}</p>"),
            queued_at: now,
            expires_at: now.plus_ms(HALF_AN_HOUR_MS),
        };
        self.runtime.block_on(self.store.queue_mail(mail)).unwrap();
    }

    fn receipt(&self, key: &str) -> Receipt {
        let receipts = self.runtime.block_on(self.store.receipts(None, 1000)).unwrap();
        receipts.into_iter().find(|receipt| receipt.key == key).unwrap()
    }

    fn state(&self, key: &str) -> MailState {
        self.receipt(key).state
    }

    /// Waits until it was tried so often; it must still be waiting then.
    fn tried(&self, key: &str, times: u32) -> String {
        eventually("a try", || self.receipt(key).attempts >= times && self.receipt(key).answer.is_some());
        let receipt = self.receipt(key);
        assert_eq!(receipt.state, MailState::Queued, "{receipt:?}");
        receipt.answer.unwrap()
    }

    fn sent(&self, key: &str) -> String {
        eventually("a receipt", || self.state(key) != MailState::Queued);
        let receipt = self.receipt(key);
        assert_eq!(receipt.state, MailState::Sent, "{receipt:?}");
        receipt.answer.unwrap()
    }
}

/// `[mail]` for a server with a certificate of `authority`, and `more` keys.
fn configure(cloud: &Cloud, authority: &Authority, scheme: &str, address: SocketAddr, more: &str) {
    std::fs::write(cloud.path("mail-root.crt"), &authority.pem).unwrap();
    let port = address.port();
    append(
        cloud,
        &format!(
            "[mail]\nsmtp = \"{scheme}://localhost:{port}\"\nca_file = \"mail-root.crt\"\n\
             from = \"Inverter Connect <no-reply@connect.example>\"\n{more}"
        ),
    );
}

fn append(cloud: &Cloud, text: &str) {
    let mut file = std::fs::File::options().append(true).open(cloud.path("cloud.toml")).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn read(mail: &str) -> Message<'_> {
    MessageParser::default().parse(mail).unwrap()
}

#[test]
fn mails_arrive_over_starttls_and_over_tls_from_the_first_byte() {
    let authority = Authority::new("Mail root");
    let Some(server) = MailServer::start(&Setup { login: true, ..Setup::trusted(&authority) }) else {
        return;
    };
    for (scheme, address) in [("starttls", server.address), ("smtps", server.tls_address)] {
        let mut cloud = Cloud::new();
        keep_secret(&cloud.path("mail-password"), &format!("{PASSWORD}\n"));
        let login = format!("username = \"{USERNAME}\"\npassword_file = \"mail-password\"\n");
        configure(&cloud, &authority, scheme, address, &login);
        cloud.start();
        let outbox = Outbox::open(&cloud);
        let began = Instant::now();
        outbox.queue(scheme, "ann@example.org", "Grüße\nhttps://connect.example/verify?token=a_b-c");
        assert!(outbox.sent(scheme).starts_with("250 "), "the server's answer is the receipt");
        println!("{scheme}: {:?} from the outbox to the receipt", began.elapsed());
        let subject = format!("Größe {scheme}");
        let with_subject = |mail: &String| read(mail).subject() == Some(subject.as_str());
        eventually("it is delivered", || server.delivered().iter().any(with_subject));
        let mails = server.delivered();
        let mail = read(mails.iter().find(|mail| with_subject(mail)).unwrap());
        assert_eq!(
            mail.body_text(0).unwrap().trim_end(),
            "Grüße\nhttps://connect.example/verify?token=a_b-c"
        );
        assert_eq!(mail.header("Envelope-to").and_then(|value| value.as_text()), Some("ann@example.org"));
        eventually("counted", || {
            cloud.counter("mails_sent_total") == 1 && cloud.counter("mails_queued") == 0
        });
        assert!(!cloud.log().contains("ann@") && !cloud.log().contains("token="), "{}", cloud.log());
        cloud.stop();
    }
    // What Exim says of how it got them: encrypted and signed in.
    assert_eq!(server.log().matches("P=esmtpsa X=TLS1.3").count(), 2, "{}", server.log());
}

/// ASVS 5.0: 12.3.2, 16.3.4.
#[test]
fn a_server_without_tls_or_with_another_certificate_gets_nothing_and_the_mail_waits() {
    let authority = Authority::new("Mail root");
    let clear = Setup { tls: None, ..Setup::trusted(&authority) };
    let foreign =
        Setup { tls: Some(Authority::new("Foreign").server_pem("localhost")), ..Setup::trusted(&authority) };
    let misnamed = Setup { tls: Some(authority.server_pem("other.example")), ..Setup::trusted(&authority) };
    let cases = [
        (clear, "starttls", "offers no STARTTLS"),
        (foreign, "starttls", "UnknownIssuer"),
        (misnamed, "smtps", "not valid for name"),
    ];
    for (setup, scheme, expect) in cases {
        let Some(server) = MailServer::start(&setup) else { return };
        let mut cloud = Cloud::new();
        let address = if scheme == "smtps" { server.tls_address } else { server.address };
        configure(&cloud, &authority, scheme, address, "");
        cloud.start();
        let outbox = Outbox::open(&cloud);
        outbox.queue("a", "ann@example.org", "secret");
        let answer = outbox.tried("a", 2);
        assert!(answer.contains(expect), "{answer}");
        let told = cloud.log();
        assert!(told.contains("mails wait") && told.contains(expect) && told.contains("`mail."), "{told}");
        assert_eq!(told.matches("mails wait").count(), 1, "told once: {told}");
        eventually("counted", || {
            cloud.counter("mails_queued") == 1 && cloud.counter("mails_delayed_total") >= 2
        });
        cloud.stop();
        assert_eq!(
            (server.delivered().len(), server.log().matches(" <= ").count()),
            (0, 0),
            "{}",
            server.log()
        );
    }
}

/// ASVS 5.0: 16.5.2.
#[test]
fn while_the_server_is_down_mails_wait_and_then_each_arrives_once() {
    let authority = Authority::new("Mail root");
    let mut cloud = Cloud::new();
    let address = free_address();
    configure(&cloud, &authority, "starttls", address, "");
    cloud.start();
    let outbox = Outbox::open(&cloud);
    let keys: Vec<_> = (0..8).map(|number| format!("mail-{number}")).collect();
    for key in &keys {
        outbox.queue(key, "ann@example.org", key);
    }
    for key in &keys {
        assert!(outbox.tried(key, 1).contains("cannot be reached"), "{key}");
    }
    // A stop and a start in between lose nothing either.
    cloud.stop();
    let Some(server) = MailServer::start(&Setup { address: Some(address), ..Setup::trusted(&authority) })
    else {
        return;
    };
    cloud.start();
    for key in &keys {
        outbox.sent(key);
    }
    eventually("all are delivered", || server.delivered().len() >= keys.len());
    cloud.stop();
    let mails = server.delivered();
    let texts: BTreeSet<_> =
        mails.iter().map(|mail| read(mail).body_text(0).unwrap().trim().to_owned()).collect();
    assert_eq!((mails.len(), texts), (keys.len(), keys.into_iter().collect()));
}

#[test]
fn what_is_refused_for_good_fails_and_what_is_put_off_is_tried_again() {
    let authority = Authority::new("Mail root");
    let Some(server) = MailServer::start(&Setup::trusted(&authority)) else { return };
    let mut cloud = Cloud::new();
    configure(&cloud, &authority, "starttls", server.address, "");
    cloud.start();
    let outbox = Outbox::open(&cloud);
    outbox.queue("nobody", "nobody@example.org", "a");
    outbox.queue("later", "later@example.org", "b");
    outbox.queue("unknowable", "a,b@example.org", "c");
    outbox.queue("ann", "ann@example.org", "d");
    outbox.sent("ann");
    eventually("refusals", || {
        outbox.state("nobody") == MailState::Failed && outbox.state("unknowable") == MailState::Failed
    });
    let refused = outbox.receipt("nobody");
    assert!(refused.attempts == 1 && refused.answer.as_ref().unwrap().contains("550"), "{refused:?}");
    outbox.tried("later", 2);
    server.open_for_later();
    outbox.sent("later");
    assert_eq!(cloud.counter("mails_failed_total"), 2);
    cloud.stop();
}

/// ASVS 5.0: 16.3.4.
#[test]
fn a_wrong_password_is_told_and_costs_no_mail() {
    let authority = Authority::new("Mail root");
    let Some(server) = MailServer::start(&Setup { login: true, ..Setup::trusted(&authority) }) else {
        return;
    };
    let mut cloud = Cloud::new();
    keep_secret(&cloud.path("mail-password"), "a guess");
    let login = format!("username = \"{USERNAME}\"\npassword_file = \"mail-password\"\n");
    configure(&cloud, &authority, "starttls", server.address, &login);
    cloud.start();
    let outbox = Outbox::open(&cloud);
    outbox.queue("a", "ann@example.org", "a");
    let answer = outbox.tried("a", 1);
    assert!(answer.contains("535") && answer.contains("`mail.password_file`"), "{answer}");
    assert!(!cloud.log().contains("a guess"), "{}", cloud.log());
    cloud.stop();
    keep_secret(&cloud.path("mail-password"), PASSWORD);
    cloud.start();
    outbox.sent("a");
    cloud.stop();
}

#[test]
fn killed_between_the_servers_yes_and_the_receipt_a_mail_comes_twice_at_most() {
    let authority = Authority::new("Mail root");
    let Some(server) = MailServer::start(&Setup::trusted(&authority)) else { return };
    // The mail is longer than that, so the yes to it is what gets lost.
    let relay = Relay::start(server.address, 60_000);
    let mut cloud = Cloud::new();
    configure(&cloud, &authority, "starttls", relay.address, "");
    let now = server::clock::now();
    let mut clock = Driver::create(&cloud.path("clock"), now).unwrap();
    let command = cloud.driven(&cloud.path("clock"));
    cloud.start_as(command);
    let outbox = Outbox::open(&cloud);
    outbox.queue("a", "ann@example.org", &"long ".repeat(20_000));
    eventually("it is delivered", || server.delivered().len() == 1);
    cloud.kill();
    assert_eq!(outbox.state("a"), MailState::Queued, "the yes never came");
    relay.be_honest();
    let command = cloud.driven(&cloud.path("clock"));
    cloud.start_as(command);
    // What a dead sender had in hand is lent again half a minute later.
    clock.jump_to(clock.now().plus_ms(31_000)).unwrap();
    outbox.sent("a");
    assert_eq!(outbox.receipt("a").attempts, 2);
    eventually("it is delivered again", || server.delivered().len() == 2);
    cloud.stop();
    let mails = server.delivered();
    let ids: BTreeSet<_> = mails.iter().map(|mail| read(mail).message_id().unwrap().to_owned()).collect();
    assert_eq!((mails.len(), ids.len()), (2, 1), "one mail for who receives it: {ids:?}");
}

#[test]
fn of_two_notifiers_on_one_outbox_each_mail_is_sent_by_one() {
    let authority = Authority::new("Mail root");
    let Some(mail_server) = MailServer::start(&Setup::trusted(&authority)) else { return };
    let cloud = Cloud::new();
    let outbox = Outbox::open(&cloud);
    let root = rustls::pki_types::CertificateDer::from(pem_bytes(&authority.pem));
    let way = || {
        let server = Server {
            encryption: Encryption::StartTls,
            host: "localhost".into(),
            port: mail_server.address.port(),
            login: None,
            ca_file: None,
        };
        let smtp = Smtp::new(&server, None, [root.as_ref()].into_iter(), "localhost").unwrap();
        let head = Letterhead { from: "no-reply@connect.example".parse().unwrap(), reply_to: None };
        Way { sink: Sink::Smtp(smtp), head }
    };
    let stopping = CancellationToken::new();
    let counters = [Arc::new(Counters::default()), Arc::new(Counters::default())];
    let running: Vec<_> = counters
        .iter()
        .map(|counters| {
            let (store, clock) = (outbox.store.clone(), server::clock::wall());
            let ways = Ways { mail: Some(way()), ..Ways::default() };
            let (origin, counters) = ("https://connect.example".to_owned(), Arc::clone(counters));
            let sender =
                notifier::run(store, clock, ways, origin, counters, Arc::default(), stopping.clone());
            outbox.runtime.spawn(sender)
        })
        .collect();
    let keys: BTreeSet<_> = (0..40).map(|number| format!("mail-{number}")).collect();
    for key in &keys {
        outbox.queue(key, "ann@example.org", key);
    }
    keys.iter().for_each(|key| drop(outbox.sent(key)));
    eventually("all are delivered", || mail_server.delivered().len() >= keys.len());
    stopping.cancel();
    running.into_iter().for_each(|task| outbox.runtime.block_on(task).unwrap());
    let mails = mail_server.delivered();
    let texts: BTreeSet<_> =
        mails.iter().map(|mail| read(mail).body_text(0).unwrap().trim().to_owned()).collect();
    assert_eq!((mails.len(), texts), (keys.len(), keys));
    let shares = counters.map(|counters| counters.all()[0].1);
    assert!(shares.iter().all(|share| *share > 0), "both took part: {shares:?}");
}

#[test]
fn without_a_mail_server_they_go_into_a_folder_or_wait() {
    let mut cloud = Cloud::new();
    let check = |cloud: &Cloud| {
        let output = cloud.command(&["serve", "--check"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(check(&cloud).contains("mails    wait"), "{}", check(&cloud));
    cloud.start();
    let outbox = Outbox::open(&cloud);
    outbox.queue("a", "ann@example.org", "https://connect.example/verify");
    std::thread::sleep(Duration::from_millis(1500));
    let receipt = outbox.receipt("a");
    assert_eq!((receipt.state, receipt.attempts), (MailState::Queued, 0));
    assert!(cloud.log().contains("mails wait") && cloud.log().contains("[mail]"), "{}", cloud.log());
    cloud.stop();
    append(&cloud, "[mail]\nmaildir = \"mail\"\nfrom = \"no-reply@connect.example\"\n");
    assert!(check(&cloud).contains("mails    into the folder"), "{}", check(&cloud));
    cloud.start();
    let answer = outbox.sent("a");
    let files = files(&cloud.path("mail"));
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(answer.ends_with(files[0].file_name().unwrap().to_str().unwrap()), "{answer}");
    assert_eq!(
        files[0].metadata().unwrap().permissions().mode() & 0o777,
        0o600,
        "it holds a link that lets in"
    );
    let text = std::fs::read_to_string(&files[0]).unwrap();
    assert_eq!(read(&text).body_text(0).unwrap().trim(), "https://connect.example/verify");
    cloud.stop();
}

#[test]
fn files_of_the_mail_section_that_do_not_do_are_named() {
    let cloud = Cloud::new();
    let authority = Authority::new("Mail root");
    configure(&cloud, &authority, "smtps", free_address(), "username = \"u\"\npassword_file = \"nowhere\"\n");
    let told = || {
        let output = cloud.command(&["serve", "--check"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(told().contains("`mail.password_file`") && told().contains("mode 0600"), "{}", told());
    keep_secret(&cloud.path("nowhere"), "p");
    std::fs::write(cloud.path("mail-root.crt"), "no certificate").unwrap();
    assert!(told().contains("`mail.ca_file`") && told().contains("PEM"), "{}", told());
}

fn pem_bytes(pem: &str) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject;
    rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}
