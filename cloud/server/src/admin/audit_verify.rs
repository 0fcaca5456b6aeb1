//! `admin audit verify`: is the audit log what was written?
//!
//! In: optionally a last hash that was noted earlier. Out: the length, the last hash and how many details were erased;
//! exit code 1 and the row where it is not whole. The verification is an act of its own, written after a log that is whole;
//! to one that is broken nothing is added.

use anyhow::{Context, bail};
use fleet::audit::Verb;
use store::state::{Sha256, StateStore};
use wire::UtcMs;

use super::act;

/// Verifies.
///
/// # Errors
/// The log is not whole, does not hold the hash, or cannot be read.
pub async fn run(expect: Option<&str>, state: &StateStore, now: UtcMs) -> anyhow::Result<()> {
    let expect =
        expect.map(|text| parse(text).context("--expect: write the 64 hexadecimal digits of a hash"));
    let expect = expect.transpose()?;
    let whole = match state.verify_audit().await? {
        Ok(whole) => whole,
        Err(broken) => bail!(
            "the audit log is not whole: {broken}. Keep a copy of the database as it is, and compare it with the last backup"
        ),
    };
    if let Some(hash) = expect {
        match state.audit_row_of_hash(&hash).await? {
            Some(row) => println!("The hash you noted is that of row {row}."),
            None => bail!(
                "the audit log is whole, but no row has the hash you noted: it is not the log that was noted then"
            ),
        }
    }
    println!("The audit log is whole: {} row(s), {} with details erased.", whole.length, whole.erased);
    println!("{}", hexadecimal(&whole.hash));
    eprintln!("That is its last hash. Note it elsewhere and give it to --expect next time.");
    let act = act::on_the_command_line(Verb::AuditVerify, now)?;
    state.record_act(&act.with_detail(format!("whole, {} rows", whole.length))).await?;
    Ok(())
}

fn parse(text: &str) -> Option<Sha256> {
    let text = text.trim();
    let digits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut hash = [0; 32];
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    digits.then_some(hash)
}

fn hexadecimal(hash: &Sha256) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_as_it_is_printed_and_nothing_else_is() {
        let hash: Sha256 = std::array::from_fn(|at| u8::try_from(at * 8).unwrap());
        assert_eq!(parse(&hexadecimal(&hash)), Some(hash));
        assert_eq!(parse(&format!(" {}\n", hexadecimal(&hash).to_uppercase())), Some(hash));
        for text in
            [String::new(), "0".repeat(63), "0".repeat(65), format!("{}+1", "0".repeat(62)), "ä".repeat(32)]
        {
            assert_eq!(parse(&text), None, "{text}");
        }
    }
}
