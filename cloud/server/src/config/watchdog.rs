//! `[watchdog]`: what is told, outside, that the service is well.
//!
//! In: the keys as written. Out: [`Watchdog`], or none where nothing is written.

use url::Url;

use super::ConfigError;
use super::reader::Reader;
use super::written::WrittenWatchdog;

const URL: &str = "url = \"https://hc-ping.com/0d5c…\" under [watchdog]";
const FAILING_URL: &str = "failing_url = \"https://hc-ping.com/0d5c…/fail\" under [watchdog]";
const EVERY: &str = "every_s = 60 under [watchdog]";

const DEFAULT_EVERY_S: u64 = 60;
/// A watchdog that hears less often than once a day is none.
const MOST_EVERY_S: u64 = 86_400;

/// What hears that the service is well.
#[derive(Clone, PartialEq, Eq)]
pub struct Watchdog {
    /// Asked for while all is well. It may be a secret.
    pub url: Url,
    /// Asked for while it is not.
    pub failing_url: Option<Url>,
    /// From one time to the next, seconds.
    pub every_s: u64,
}

impl std::fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watchdog").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

impl std::fmt::Display for Watchdog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} each {} s", self.url.host_str().unwrap_or_default(), self.every_s)
    }
}

impl Reader<'_> {
    pub(super) fn watchdog(&self, written: WrittenWatchdog) -> Result<Option<Watchdog>, ConfigError> {
        if written == WrittenWatchdog::default() {
            return Ok(None);
        }
        let url = written.url.ok_or_else(|| self.missing("watchdog.url", URL))?;
        let url = self.https("watchdog.url", url, URL)?;
        let failing_url = written.failing_url.map(|url| self.https("watchdog.failing_url", url, FAILING_URL));
        let every_s = written.every_s.unwrap_or(DEFAULT_EVERY_S);
        if !(1..=MOST_EVERY_S).contains(&every_s) {
            return Err(self.value("watchdog.every_s", every_s, "it is not 1 to 86400 seconds", EVERY));
        }
        Ok(Some(Watchdog { url, failing_url: failing_url.transpose()?, every_s }))
    }

    fn https(&self, key: &'static str, text: String, example: &'static str) -> Result<Url, ConfigError> {
        let parsed = Url::parse(&text).ok().filter(|url| url.scheme() == "https" && url.has_host());
        parsed.ok_or_else(|| self.value(key, text, "it does not begin with https:// and a host", example))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;
    use super::*;

    const REST: &str = "data_dir = \"data\"\nlisten = \"127.0.0.1:8443\"\n[people]\nnames = [\"localhost\"]\n\
                        [device]\nname = \"device.localhost\"\n[watchdog]\n";

    fn parse(text: &str) -> Result<Option<Watchdog>, ConfigError> {
        Config::parse(Path::new("/etc/ic/cloud.toml"), &format!("{REST}{text}")).map(|config| config.watchdog)
    }

    /// ASVS 5.0: 16.2.5.
    #[test]
    fn an_address_is_enough_and_is_not_printed() {
        assert_eq!(parse("").unwrap(), None);
        let watchdog = parse("url = \"https://hc.example/secret\"").unwrap().unwrap();
        assert_eq!((watchdog.every_s, watchdog.failing_url.as_ref()), (60, None));
        assert_eq!(watchdog.to_string(), "hc.example each 60 s");
        assert!(!format!("{watchdog:?}").contains("secret"));
    }

    #[test]
    fn every_error_names_the_key_and_what_to_write() {
        let check = |text: &str, expect: &[&str]| {
            let error = parse(text).unwrap_err().to_string();
            for part in expect {
                assert!(error.contains(part), "{error}\ndoes not say {part}");
            }
        };
        check("every_s = 60", &["`watchdog.url` is missing", "https://"]);
        check("url = \"http://x\"", &["`watchdog.url`", "https://"]);
        check("url = \"https://x\"\nfailing_url = \"x\"", &["`watchdog.failing_url`"]);
        check("url = \"https://x\"\nevery_s = 0", &["`watchdog.every_s`", "every_s = 60"]);
        check("url = \"https://x\"\nevery_s = 86401", &["`watchdog.every_s`"]);
        check("url = \"https://x\"\nmethod = \"POST\"", &["unknown field `method`"]);
    }
}
