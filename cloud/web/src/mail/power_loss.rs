//! The letter that tells of a power loss when it is over.
//!
//! In: the outages of one loss that the reader may see. Out: a [`Letter`]: when, how long, whether the battery held, what had been said of
//! it, whether it is full again. It comes when nothing is urgent any more, so it says all.

use fleet::record::{Ending, Outage};

use super::{Draft, Letter, Part};
use crate::Error;
use crate::view::outage::{self, Told};
use crate::view::words::{self, Local};

/// Its kind, for receipts and for whoever asks whether it may still go.
pub const KIND: &str = "power_loss";
/// Outages that one letter lists; the rest are counted.
const MOST: usize = 50;

/// An outage of the loss.
#[derive(Clone, Copy, Debug)]
pub struct Lost<'a> {
    /// The inverter's name, else its serial number.
    pub name: &'a str,
    /// Random text that names it in addresses.
    pub public_id: &'a str,
    /// What is known.
    pub outage: &'a Outage,
}

/// The letter about `lost`, which are at one place: at `site`, if it is one. Never called without any.
///
/// # Errors
/// [`Error::Internal`]: a template failed.
pub fn told(origin: &str, site: Option<&str>, lost: &[Lost<'_>], local: &Local) -> Result<Letter, Error> {
    let (subject, parts) = match lost {
        [one] => of_one(origin, one, local),
        _ => of_several(origin, site, lost, local),
    };
    let worst = lost.iter().map(|one| one.outage.ending()).min().unwrap_or(Ending::Held);
    let first = lost.iter().map(|one| one.outage.started).min().unwrap_or_default();
    Draft {
        kind: "power_loss",
        title: subject.clone(),
        subject,
        preview: "It is over. This is how it went.".to_owned(),
        tag: Some(outage::tag(worst)),
        subtitle: local.whole(first),
        parts,
        why: "You get this because you may see these inverters and hear by e-mail when alarms are over."
            .to_owned(),
        settings: format!("{origin}/me/notifications"),
    }
    .written()
}

fn of_one(origin: &str, one: &Lost<'_>, local: &Local) -> (String, Vec<Part>) {
    let told = Told::new(one.outage, local);
    let length = outage::fed(one.outage);
    let subject = match one.outage.ending() {
        Ending::GaveUp => format!("{}: power was lost, and the battery gave up after {length}", one.name),
        Ending::Unknown => {
            format!(
                "{}: power was lost, and the battery fed for {length}; how it ended is not known",
                one.name
            )
        }
        Ending::Held => format!("{}: power was lost for {length}, and the battery held", one.name),
    };
    let mut parts: Vec<Part> = told.says.into_iter().map(Part::Says).collect();
    parts.push(Part::Facts(told.facts));
    parts.push(Part::Open("See how it went", page(origin, one)));
    (subject, parts)
}

fn of_several(origin: &str, site: Option<&str>, lost: &[Lost<'_>], local: &Local) -> (String, Vec<Part>) {
    let count = words::counted(lost.len() as u64, "outage");
    let place = site.unwrap_or("Your inverters");
    let subject = format!("{place}: power was lost{}, and {}", up_to(lost), ends(lost));
    let unknown = lost.iter().any(|one| one.outage.ending() == Ending::Unknown);
    let then = if unknown { ", then those of which it is not known" } else { "" };
    let says = format!("{count} there, of inverters that you may see. Those that gave up come first{then}.");
    let mut worst: Vec<&Lost<'_>> = lost.iter().collect();
    worst.sort_by_key(|one| (one.outage.ending(), one.outage.started, one.name));
    let line = |one: &&Lost<'_>| (one.name.to_owned(), Told::new(one.outage, local).line());
    let mut lines: Vec<(String, String)> = worst.iter().take(MOST).map(line).collect();
    if let Some(more) = lost.len().checked_sub(MOST).filter(|more| *more > 0) {
        let words = "Each inverter's page tells of its own.".to_owned();
        lines.push((format!("and {} more", words::count(more as u64)), words));
    }
    let mut parts = vec![Part::Says(says), Part::Entries(lines)];
    parts.extend(worst.first().map(|one| Part::Open("See how the first of them went", page(origin, one))));
    (subject, parts)
}

/// For how long; nothing where an end was not seen: it may have been longer.
fn up_to(lost: &[Lost<'_>]) -> String {
    if lost.iter().any(|one| one.outage.end_unseen) {
        return String::new();
    }
    let longest = lost.iter().map(|one| one.outage.length_s).fold(0.0, f32::max);
    format!(" for up to {}", words::held(longest.into()))
}

/// How it ended for all of them: the worst first, and nothing that is not known is called held.
fn ends(lost: &[Lost<'_>]) -> String {
    let count = |ending| lost.iter().filter(|one| one.outage.ending() == ending).count();
    let gave_up = match count(Ending::GaveUp) {
        0 => None,
        1 => Some("one battery gave up".to_owned()),
        more => Some(format!("{} batteries gave up", words::count(more as u64))),
    };
    let unknown = match count(Ending::Unknown) {
        0 => None,
        1 => Some("how it ended for one is not known".to_owned()),
        more => Some(format!("how it ended for {} is not known", words::count(more as u64))),
    };
    let ends: Vec<String> = [gave_up, unknown].into_iter().flatten().collect();
    if ends.is_empty() { "every battery held".to_owned() } else { ends.join("; ") }
}

fn page(origin: &str, one: &Lost<'_>) -> String {
    format!("{origin}/inverters/{}/outages/{}", one.public_id, one.outage.started.0)
}

#[cfg(test)]
mod tests {
    use fleet::readiness::Load;
    use fleet::readiness::moment::Unit;
    use fleet::record::Predicted;
    use wire::UtcMs;

    use super::super::tests::shown;
    use super::*;

    const T0: i64 = 1_795_000_000_000;

    fn outage(length_s: f32, gave_up: bool) -> Outage {
        Outage {
            started: UtcMs(T0),
            length_s,
            gave_up,
            lowest_v: Some(118.2),
            load: Some(Load { value: 6_100.0, unit: Unit::Watt }),
            predicted: Some(Predicted { runtime_s: 7_080.0, low_s: 6_540.0, high_s: 7_620.0 }),
            recharged: Some(UtcMs(T0 + 16_000_000)),
            contact_lost: false,
            end_unseen: false,
        }
    }

    #[test]
    fn the_letter_of_one_and_of_several() {
        let local = Local::new("America/Chicago", UtcMs(T0 + 20_000_000));
        let (held, gave_up) = (outage(1_440.0, false), outage(2_580.0, true));
        let one = Lost { name: "Harbor\nHall <north>", public_id: "k3v9", outage: &held };
        let letter = told("https://inverters.example", Some("Harbor"), &[one], &local).unwrap();
        insta::assert_snapshot!(letter.kind, shown(&letter));
        let other = Lost { name: "Dock", public_id: "m2p7", outage: &gave_up };
        let letter = told("https://inverters.example", Some("Harbor"), &[one, other], &local).unwrap();
        insta::assert_snapshot!("power_loss_of_several", shown(&letter));
        let unseen = Outage { end_unseen: true, ..outage(480.0, false) };
        let third = Lost { name: "Mill", public_id: "p4x1", outage: &unseen };
        let letter = told("https://inverters.example", None, &[third], &local).unwrap();
        insta::assert_snapshot!("power_loss_whose_end_is_not_known", shown(&letter));
        let subject =
            |lost: &[Lost<'_>]| told("https://inverters.example", None, lost, &local).unwrap().subject;
        assert_eq!(
            subject(&[one, third]),
            "Your inverters: power was lost, and how it ended for one is not known"
        );
        assert_eq!(
            subject(&[third, one, other, third]),
            "Your inverters: power was lost, and one battery gave up; how it ended for 2 is not known"
        );
        let many: Vec<Lost<'_>> = (0..60).map(|_| one).collect();
        let letter = told("https://inverters.example", None, &many, &local).unwrap();
        assert!(
            letter.text.contains("and 10 more") && letter.subject.starts_with("Your inverters"),
            "{}",
            letter.text
        );
    }
}
