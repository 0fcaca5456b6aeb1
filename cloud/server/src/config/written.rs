//! The file as it is written, before anything is said about it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// The file as written. Every key is optional here so that a missing one gets our sentence.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Written {
    pub(super) data_dir: Option<PathBuf>,
    pub(super) factors_key: Option<PathBuf>,
    pub(super) listen: Option<String>,
    pub(super) metrics_listen: Option<String>,
    pub(super) people: WrittenPeople,
    pub(super) device: WrittenDevice,
    pub(super) limits: WrittenLimits,
    pub(super) mail: WrittenMail,
    pub(super) outbound: WrittenOutbound,
    pub(super) text: WrittenText,
    pub(super) watchdog: WrittenWatchdog,
    pub(super) journal: WrittenJournal,
    pub(super) history: WrittenHistory,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenHistory {
    pub(super) keys: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenPeople {
    pub(super) names: Option<Vec<String>>,
    pub(super) origin: Option<String>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenDevice {
    pub(super) name: Option<String>,
    pub(super) url: Option<String>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) ca: Option<PathBuf>,
    pub(super) ca_key: Option<PathBuf>,
    pub(super) roots: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenLimits {
    pub(super) connections: Option<usize>,
    pub(super) connections_per_address: Option<usize>,
    pub(super) handshakes_per_second_per_address: Option<u32>,
    pub(super) reports_per_second: Option<u32>,
    pub(super) report_burst: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenMail {
    pub(super) smtp: Option<String>,
    pub(super) maildir: Option<PathBuf>,
    pub(super) from: Option<String>,
    pub(super) reply_to: Option<String>,
    pub(super) username: Option<String>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) ca_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenOutbound {
    pub(super) allow_addresses: Option<Vec<String>>,
    pub(super) ca_file: Option<PathBuf>,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenText {
    pub(super) url: Option<String>,
    pub(super) headers: Option<BTreeMap<String, String>>,
    pub(super) form: Option<String>,
    pub(super) body: Option<String>,
    pub(super) username: Option<String>,
    pub(super) secret_file: Option<PathBuf>,
    pub(super) id: Option<String>,
    pub(super) sns_region: Option<String>,
    pub(super) sns_endpoint: Option<String>,
    pub(super) access_key: Option<String>,
    pub(super) countries: Option<Vec<String>>,
    pub(super) per_person: Option<u32>,
    pub(super) per_block: Option<u32>,
    pub(super) in_all: Option<u32>,
    pub(super) reserve_percent: Option<u32>,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenWatchdog {
    pub(super) url: Option<String>,
    pub(super) failing_url: Option<String>,
    pub(super) every_s: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenJournal {
    pub(super) added_commit_delay_us: Option<u64>,
}
