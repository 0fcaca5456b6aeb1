//! Letters about pairing.
//!
//! In: what was paired by whom. Out: a letter to those who had access before. It changes nothing and asks for nothing.

use store::state::Paired;
use wire::UtcMs;

use super::{Draft, Letter, Part, instant};
use crate::Error;

/// To everybody who has access to an inverter: one more has, by its button.
///
/// # Errors
/// [`Error::Internal`].
pub fn paired(origin: &str, paired: &Paired, at: UtcMs) -> Result<Letter, Error> {
    let inverter = &paired.inverter;
    let serial = inverter.serial.as_str();
    let name = if inverter.name.is_empty() { serial } else { inverter.name.as_str() };
    let by = paired.by.as_str();
    Draft {
        kind: "paired",
        subject: format!("{name}: one more account can manage it"),
        preview: format!("{by} pressed the button in its cabinet."),
        title: format!("One more account can manage {name}"),
        parts: vec![
            Part::Says(
                "Somebody pressed the PAIR button in the cabinet while this account was adding the inverter. \
                 Nobody's access was taken away, yours neither."
                    .to_owned(),
            ),
            Part::Facts(vec![
                ("Account", by.to_owned()),
                ("Inverter", name.to_owned()),
                ("Serial number", serial.to_owned()),
                ("When", instant(at)),
            ]),
            Part::Open("Open the inverter", format!("{origin}/inverters/{}", inverter.public_id)),
            Part::Advice(
                "If you know who was at the cabinet, nothing. If not, find out who can open it, and end that \
                 account's access on the inverter's page."
                    .to_owned(),
            ),
        ],
        why: "You get this because you have access to this inverter.".to_owned(),
        ..Draft::default()
    }
    .written()
}

#[cfg(test)]
mod tests {
    use fleet::{AccountKey, InverterKey};
    use store::state::{Email, Inverter};
    use wire::Serial;

    use super::*;
    use crate::mail::tests::shown;

    #[test]
    fn the_letter_reads_as_it_should_in_both_faces() {
        let told = Paired {
            by: Email::parse("dana@harborview.example").unwrap(),
            inverter: Inverter {
                key: InverterKey(7),
                public_id: "k3v9".to_owned(),
                serial: Serial::parse("2408-01873").unwrap(),
                name: "West Tower Level 3".to_owned(),
                model: String::new(),
                place: String::new(),
                site: None,
                required_minutes: None,
                registered_at: UtcMs(0),
            },
            holders: vec![(AccountKey(1), Email::parse("luis@harborview.example").unwrap())],
        };
        let letter = paired("https://inverters.example", &told, UtcMs(1_794_902_820_000)).unwrap();
        insta::assert_snapshot!(letter.kind, shown(&letter));
    }
}
