//! From a report to the next person's mailbox, through the running server and a real mail server, on a driven clock: over kills,
//! not after somebody acknowledged, at once where nobody of a step can be written to; and who hears that somebody has taken it.

use driven_clock::Driver;
use fleet::audit::Verb;
use fleet::notice::{Ladder, Step};
use fleet::{AccountKey, Grant, Role};
use mail_parser::MessageParser;
use store::state::{Email, LadderOf, SiteKey};
use wire::Condition;

use crate::cloud::{Bundle, Publisher};
use crate::door_setup::eventually;
use crate::mail_server::MailServer;
use crate::people::Person;
use crate::told::{Rig, in_time, mailed, subject, told};

const MINUTE: i64 = 60_000;
const BEGAN: &str = "ALARM: LADDER-01, charger fault (Pier 4)";
const NOBODY: &str = "ALARM: LADDER-01, charger fault, nobody has taken it (Pier 4)";
const TAKEN: &str = "TAKEN: LADDER-01, charger fault (Pier 4)";

/// One inverter at a site, a mail server, a clock that the test drives.
struct Scene {
    rig: Rig,
    mail_server: MailServer,
    clock: Driver,
    file: std::path::PathBuf,
    bundle: Bundle,
    site: SiteKey,
    sequence: u64,
}

impl Scene {
    /// With people who may see it; the first alone may not acknowledge.
    fn new(people: &[&str]) -> Option<(Self, Vec<AccountKey>, Vec<Person>)> {
        let mut rig = Rig::new("");
        let mail_server = mailed(&rig.cloud)?;
        let file = rig.cloud.path("clock");
        let clock = Driver::create(&file, server::clock::now()).unwrap();
        let command = rig.cloud.driven(&file);
        rig.cloud.start_as(command);
        let persons: Vec<Person> =
            people.iter().map(|name| Person::new(&rig.cloud, &format!("{name}@example.org"))).collect();
        let key = |name: &&str| {
            let email = Email::parse(&format!("{name}@example.org")).unwrap();
            rig.runtime.block_on(rig.store.account_by_email(&email)).unwrap().unwrap().key
        };
        let keys: Vec<AccountKey> = people.iter().map(key).collect();
        let site = rig.site();
        let bundle = rig.device("LADDER-01", keys[0], Some(site));
        let inverter = rig.runtime.block_on(rig.store.inverters()).unwrap()[0].key;
        for account in &keys[1..] {
            let grant = Grant { holder: (*account).into(), inverter, role: Role::ReadWrite, ends: None };
            rig.runtime.block_on(rig.store.set_grant(grant, &Rig::act(Verb::ShareGrant))).unwrap();
        }
        Some((Self { rig, mail_server, clock, file, bundle, site, sequence: 0 }, keys, persons))
    }

    fn ladder(&self, steps: &[(i64, AccountKey)]) {
        let step = |(minutes, account): &(i64, AccountKey)| Step {
            wait_ms: minutes * MINUTE,
            people: vec![*account],
        };
        let ladder = Ladder::new(steps.iter().map(step).collect()).unwrap();
        let act = Rig::act(Verb::LadderEdit);
        self.rig
            .runtime
            .block_on(self.rig.store.set_ladder(LadderOf::Site(self.site), &ladder, &act))
            .unwrap();
    }

    fn reports_the_fault(&mut self) {
        self.sequence += 1;
        let report = told(self.sequence, self.clock.now(), Some(Condition::CHARGER_FAULT));
        // A server that runs hears of a certificate within half a second.
        let mut link = None;
        eventually("the device is let in", || {
            link = Publisher::connect(self.rig.cloud.address, &self.bundle).ok();
            link.is_some()
        });
        link.unwrap().publish(&report).unwrap();
    }

    /// Lets so many minutes go by at once, and then as much time as a look takes.
    fn wait(&mut self, minutes: i64) {
        self.clock.jump_to(self.clock.now().plus_ms(minutes * MINUTE)).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1_200));
    }

    fn kill_and_start(&mut self) {
        self.rig.cloud.kill();
        let command = self.rig.cloud.driven(&self.file);
        self.rig.cloud.start_as(command);
        // The next thing that is asked comes after the journal was replayed.
        eventually("it follows", || self.rig.cloud.counter("pipeline_following") == 1);
        std::thread::sleep(std::time::Duration::from_millis(600));
    }

    /// To whom and what, in the mailbox.
    fn mails(&self) -> Vec<(String, String)> {
        let mut mails: Vec<_> = self
            .mail_server
            .delivered()
            .iter()
            .map(|mail| {
                let parsed = MessageParser::default().parse(mail).unwrap();
                let to = parsed.header("Envelope-to").and_then(|value| value.as_text()).unwrap_or_default();
                (to.trim_end_matches("@example.org").to_owned(), subject(mail))
            })
            .collect();
        mails.sort();
        mails
    }

    fn count(&self, to: &str, subject: &str) -> usize {
        self.mails().iter().filter(|(name, said)| name == to && said == subject).count()
    }
}

#[test]
fn the_next_person_is_mailed_after_the_wait_over_kills_and_nobody_after_somebody_took_it() {
    let Some((mut scene, keys, persons)) = Scene::new(&["dana", "luis", "mara"]) else { return };
    scene.ladder(&[(0, keys[0]), (5, keys[1]), (5, keys[2])]);
    scene.reports_the_fault();
    in_time("all three are told", || scene.mails().len() == 3);
    assert!(["dana", "luis", "mara"].iter().all(|name| scene.count(name, BEGAN) == 1), "{:?}", scene.mails());
    scene.kill_and_start();
    scene.wait(4);
    assert_eq!(scene.mails().len(), 3, "not yet: {:?}", scene.mails());
    scene.wait(2);
    in_time("Luis is asked", || scene.count("luis", NOBODY) == 1);
    // Killed again, and what was reported is reported again: nobody is asked twice.
    scene.kill_and_start();
    scene.reports_the_fault();
    scene.wait(1);
    assert_eq!((scene.mails().len(), scene.count("mara", NOBODY)), (4, 0), "{:?}", scene.mails());
    let alarm = scene.rig.alarms().remove(0);
    let inverter = scene.rig.runtime.block_on(scene.rig.store.inverters()).unwrap().remove(0);
    let page = persons[1].get(&scene.rig.cloud, &format!("/a/{}", alarm.code));
    let at = page.header("location").to_owned();
    let body = persons[1].get(&scene.rig.cloud, &at).body;
    assert!(body.contains("mara is told at") && body.contains("unless somebody acknowledges"), "{body}");
    assert!(body.contains("E-mail to luis, asked to take it"), "{body}");
    assert!(at.contains(&inverter.public_id));
    let form = "note=On+my+way&back=alarm";
    assert_eq!(persons[1].post(&scene.rig.cloud, &format!("{at}/acknowledge"), form).status, 303);
    in_time("the others hear", || scene.count("dana", TAKEN) == 1 && scene.count("mara", TAKEN) == 1);
    let word = scene.mail_server.delivered().into_iter().find(|mail| subject(mail) == TAKEN).unwrap();
    let text = MessageParser::default().parse(&word).unwrap().body_text(0).unwrap().into_owned();
    assert!(text.contains("luis has acknowledged it and wrote: “On my way”."), "{text}");
    let body = persons[1].get(&scene.rig.cloud, &at).body;
    assert!(!body.contains("unless somebody acknowledges"), "{body}");
    scene.kill_and_start();
    scene.reports_the_fault();
    scene.wait(6);
    assert_eq!(scene.mails().len(), 6, "{:?}", scene.mails());
    assert_eq!((scene.count("mara", NOBODY), scene.count("luis", TAKEN)), (0, 0));
    scene.rig.cloud.stop();
}

#[test]
fn where_a_mail_server_refuses_the_first_the_next_is_asked_at_once() {
    // The mail server knows nobody of that name, and says so for good.
    let Some((mut scene, keys, _)) = Scene::new(&["nobody", "luis"]) else { return };
    scene.ladder(&[(0, keys[0]), (60, keys[1])]);
    scene.reports_the_fault();
    in_time("Luis is asked", || scene.count("luis", NOBODY) == 1);
    assert_eq!(scene.count("luis", BEGAN), 1);
    assert_eq!(scene.mails().len(), 2, "{:?}", scene.mails());
    scene.rig.cloud.stop();
}
