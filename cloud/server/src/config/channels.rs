//! `[outbound]` and `[text]`: where requests may go, who sends text messages, how many.
//!
//! In: the keys as written. Out: [`OutboundRules`], and [`TextService`] where `[text]` names a provider.

use std::collections::BTreeMap;
use std::path::PathBuf;

use axum::http::{HeaderName, HeaderValue};
use fleet::notice::TextLimits;
use url::{Host, Url};

use super::ConfigError;
use super::reader::Reader;
use super::written::{WrittenOutbound, WrittenText};
use crate::notifier::text::Body;
use crate::outbound::Network;

const ALLOW: &str = "allow_addresses = [\"10.1.0.0/16\"] under [outbound]";
const URL: &str = "url = \"https://api.twilio.com/2010-04-01/Accounts/AC…/Messages.json\" under [text]";
const BODY: &str = "body = \"To={to}&From=%2B15005550006&Body={text}\" under [text]";
const FORM: &str = "form = \"form\" under [text]";
const HEADERS: &str = "headers = { \"X-Api-Key\" = \"{secret}\" } under [text]";
const SECRET: &str = "secret_file = \"/var/lib/inverter-connect/text-secret\" under [text]";
const ACCESS_KEY: &str = "access_key = \"AKIA…\" under [text]";
const SNS_ENDPOINT: &str = "sns_endpoint = \"https://sns.eu-central-1.amazonaws.com\" under [text]";
const COUNTRIES: &str = "countries = [\"+1\", \"+43\"] under [text]";
const RESERVE: &str = "reserve_percent = 50 under [text]";

/// Where requests to addresses that customers named may go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboundRules {
    /// Beside public addresses.
    pub allow_addresses: Vec<Network>,
    /// Roots that are trusted beside the system's own, PEM.
    pub ca_file: Option<PathBuf>,
}

/// How text messages are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextService {
    /// By whom.
    pub provider: TextProvider,
    /// How many.
    pub limits: TextLimits,
}

/// Who sends text messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextProvider {
    /// A provider with an HTTP API.
    Http(HttpApi),
    /// Amazon SNS.
    Sns(SnsApi),
}

/// Amazon SNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnsApi {
    /// For example `eu-central-1`.
    pub region: String,
    /// Where it is; Amazon's own unless set.
    pub endpoint: Option<String>,
    /// The access key's id.
    pub access_key: String,
    /// The file that holds its secret, and nothing else.
    pub secret_file: PathBuf,
}

/// A provider's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpApi {
    /// Where.
    pub url: Url,
    /// Names and templates of headers.
    pub headers: Vec<(HeaderName, String)>,
    /// How the body is written.
    pub form: Body,
    /// Its template.
    pub body: String,
    /// Name of HTTP Basic authentication.
    pub username: Option<String>,
    /// The file that holds the secret, and nothing else.
    pub secret_file: PathBuf,
    /// Where in an answer the id is.
    pub id: String,
}

impl std::fmt::Display for TextService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let by = match &self.provider {
            TextProvider::Http(api) => api.url.host_str().unwrap_or("").to_owned(),
            TextProvider::Sns(api) => format!("Amazon SNS in {}", api.region),
        };
        write!(f, "by {by} to {}", self.limits.countries.join(", "))
    }
}

impl Reader<'_> {
    pub(super) fn outbound(&self, written: WrittenOutbound) -> Result<OutboundRules, ConfigError> {
        let network = |text: String| {
            let parsed = text.parse().map_err(|_| "it is neither an address nor a network");
            parsed.map_err(|why| self.value("outbound.allow_addresses", text, why, ALLOW))
        };
        let allow_addresses = written.allow_addresses.unwrap_or_default().into_iter().map(network);
        Ok(OutboundRules {
            allow_addresses: allow_addresses.collect::<Result<_, _>>()?,
            ca_file: written.ca_file.map(|path| self.absolute(path)),
        })
    }

    pub(super) fn text(&self, written: WrittenText) -> Result<Option<TextService>, ConfigError> {
        if written == WrittenText::default() {
            return Ok(None);
        }
        let provider = match (&written.url, &written.sns_region) {
            (Some(url), None) => TextProvider::Http(self.http(url, &written)?),
            (None, Some(region)) => TextProvider::Sns(self.sns(region, &written)?),
            (Some(url), Some(_)) => {
                return Err(self.value(
                    "text.url",
                    url,
                    "texts go there or by SNS (`sns_region`), not both",
                    URL,
                ));
            }
            (None, None) => return Err(self.missing("text.url", URL)),
        };
        Ok(Some(TextService { provider, limits: self.text_limits(&written)? }))
    }

    fn sns(&self, region: &str, written: &WrittenText) -> Result<SnsApi, ConfigError> {
        let access_key =
            written.access_key.clone().ok_or_else(|| self.missing("text.access_key", ACCESS_KEY))?;
        let secret_file =
            written.secret_file.clone().ok_or_else(|| self.missing("text.secret_file", SECRET))?;
        let endpoint = written.sns_endpoint.clone();
        if let Some(text) = endpoint.as_ref().filter(|text| !is_protected(text)) {
            let why = "what is sent there is neither encrypted nor stays on this machine: it is no https:// \
                       URL, and no http:// URL of a loopback address";
            return Err(self.value("text.sns_endpoint", text, why, SNS_ENDPOINT));
        }
        Ok(SnsApi {
            region: region.to_owned(),
            endpoint,
            access_key,
            secret_file: self.absolute(secret_file),
        })
    }

    fn http(&self, url: &str, written: &WrittenText) -> Result<HttpApi, ConfigError> {
        let wrong = |why| self.value("text.url", url, why, URL);
        let url = Url::parse(url).map_err(|_| wrong("it is no URL"))?;
        if url.scheme() != "https" {
            return Err(wrong("it does not begin with https://"));
        }
        let body = written.body.clone().ok_or_else(|| self.missing("text.body", BODY))?;
        if !(body.contains("{to}") && body.contains("{text}")) {
            return Err(self.value("text.body", body, "it has no place for {to} and {text}", BODY));
        }
        let secret_file =
            written.secret_file.clone().ok_or_else(|| self.missing("text.secret_file", SECRET))?;
        Ok(HttpApi {
            url,
            headers: self.headers(written.headers.clone().unwrap_or_default())?,
            form: self.form(written.form.clone())?,
            body,
            username: written.username.clone(),
            secret_file: self.absolute(secret_file),
            id: written.id.clone().unwrap_or_else(|| "/sid".to_owned()),
        })
    }

    fn form(&self, written: Option<String>) -> Result<Body, ConfigError> {
        let Some(text) = written else { return Ok(Body::Form) };
        let found = Body::TABLE.iter().find(|(_, name, _)| *name == text).map(|(form, ..)| *form);
        found.ok_or_else(|| self.value("text.form", text, "it is neither \"form\" nor \"json\"", FORM))
    }

    fn headers(&self, written: BTreeMap<String, String>) -> Result<Vec<(HeaderName, String)>, ConfigError> {
        let header = |(name, value): (String, String)| {
            let parsed = name.parse::<HeaderName>().ok().filter(|_| HeaderValue::from_str(&value).is_ok());
            let named = parsed.map(|name| (name, value));
            named.ok_or_else(|| {
                self.value("text.headers", name, "it is no header, or its value is none", HEADERS)
            })
        };
        written.into_iter().map(header).collect()
    }

    fn text_limits(&self, written: &WrittenText) -> Result<TextLimits, ConfigError> {
        let default = TextLimits::default();
        let countries = written.countries.clone().filter(|countries| !countries.is_empty());
        let countries = countries.ok_or_else(|| self.missing("text.countries", COUNTRIES))?;
        let country = |text: &String| {
            let digits = text.strip_prefix('+').unwrap_or("");
            (1..=7).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        if let Some(wrong) = countries.iter().find(|text| !country(text)) {
            return Err(self.value(
                "text.countries",
                wrong,
                "it is not + and one to seven digits",
                COUNTRIES,
            ));
        }
        let reserve_percent = written.reserve_percent.unwrap_or(default.reserve_percent);
        if reserve_percent > 100 {
            return Err(self.value("text.reserve_percent", reserve_percent, "it is more than all", RESERVE));
        }
        Ok(TextLimits {
            countries,
            per_person: written.per_person.unwrap_or(default.per_person),
            per_block: written.per_block.unwrap_or(default.per_block),
            in_all: written.in_all.unwrap_or(default.in_all),
            reserve_percent,
        })
    }
}

/// Over TLS, or without leaving the machine: what plays SNS in a test.
fn is_protected(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        // A name may mean another machine tomorrow.
        Some(Host::Domain(_)) | None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;
    use super::*;

    const REST: &str = "data_dir = \"data\"\nlisten = \"127.0.0.1:8443\"\n[people]\nnames = [\"localhost\"]\n\
                        [device]\nname = \"device.localhost\"\n";
    const TEXT: &str = "[text]\nurl = \"https://t.example/send\"\nbody = \"{to} {text}\"\nsecret_file = \"s\"\n\
                        countries = [\"+1\"]\n";

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(Path::new("/etc/ic/cloud.toml"), &format!("{REST}{text}"))
    }

    /// ASVS 5.0: 13.1.1.
    #[test]
    fn nothing_is_open_unless_it_is_written() {
        let config = parse("").unwrap();
        assert_eq!((config.outbound, config.text), (OutboundRules::default(), None));
        let config =
            parse("[outbound]\nallow_addresses = [\"127.0.0.1\", \"10.0.0.0/8\"]\nca_file = \"ca\"").unwrap();
        let networks: Vec<_> = config.outbound.allow_addresses.iter().map(ToString::to_string).collect();
        assert_eq!(networks, ["127.0.0.1/32", "10.0.0.0/8"]);
        assert_eq!(config.outbound.ca_file, Some("/etc/ic/ca".into()));
        let text = parse(&format!("{TEXT}per_person = 3\nform = \"json\"")).unwrap().text.unwrap();
        assert_eq!(text.to_string(), "by t.example to +1");
        assert_eq!((text.limits.per_person, text.limits.in_all, text.limits.reserve_percent), (3, 1_000, 50));
        let TextProvider::Http(api) = text.provider else { panic!("{:?}", text.provider) };
        assert_eq!((api.form, api.id.as_str(), api.secret_file), (Body::Json, "/sid", "/etc/ic/s".into()));
    }

    /// ASVS 5.0: 13.2.3.
    #[test]
    fn every_error_names_the_key_and_what_to_write() {
        let check = |text: &str, expect: &[&str]| {
            let error = parse(text).unwrap_err().to_string();
            for part in ["/etc/ic/cloud.toml"].iter().chain(expect) {
                assert!(error.contains(part), "{error}\ndoes not say {part}");
            }
        };
        check("[outbound]\nallow_addresses = [\"localhost\"]", &["`outbound.allow_addresses`", "localhost"]);
        check("[text]\nbody = \"x\"", &["`text.url` is missing", "https://"]);
        let without =
            |line: &str| TEXT.lines().filter(|l| !l.starts_with(line)).collect::<Vec<_>>().join("\n");
        check(&without("body"), &["`text.body` is missing", "{text}"]);
        check(&without("secret_file"), &["`text.secret_file` is missing"]);
        check(&without("countries"), &["`text.countries` is missing", "+43"]);
        check(&format!("{TEXT}sns_region = \"x\""), &["`text.url`", "not both"]);
        check("[text]\nsns_region = \"eu-central-1\"", &["`text.access_key` is missing"]);
        check(&TEXT.replace("https", "http"), &["`text.url`", "https://"]);
        check(&TEXT.replace("{text}", "x"), &["`text.body`", "{to} and {text}"]);
        check(&TEXT.replace("+1", "1"), &["`text.countries`", "+"]);
        check(&format!("{TEXT}reserve_percent = 101"), &["`text.reserve_percent`"]);
        check(&format!("{TEXT}form = \"xml\""), &["`text.form`", "json"]);
        check(&format!("{TEXT}headers = {{ \"a b\" = \"c\" }}"), &["`text.headers`", "a b"]);
        check(&format!("{TEXT}per_week = 1"), &["unknown field `per_week`"]);
    }

    /// ASVS 5.0: 12.3.1.
    #[test]
    fn sns_is_reached_over_tls_or_on_this_machine() {
        let check = |endpoint: &str, good: bool| {
            let text = format!(
                "[text]\nsns_region = \"eu-central-1\"\nsns_endpoint = \"{endpoint}\"\naccess_key = \"A\"\n\
                 secret_file = \"s\"\ncountries = [\"+1\"]\n"
            );
            match parse(&text) {
                Ok(_) => assert!(good, "{endpoint}"),
                Err(error) => {
                    let told = error.to_string();
                    assert!(
                        !good && told.contains("`text.sns_endpoint`") && told.contains("https://"),
                        "{told}"
                    );
                }
            }
        };
        let good = ["https://sns.eu-central-1.amazonaws.com", "http://127.0.0.1:5000", "http://[::1]:5000"];
        good.iter().for_each(|endpoint| check(endpoint, true));
        for endpoint in [
            "http://sns.eu-central-1.amazonaws.com",
            "http://10.0.0.1",
            "http://localhost:5000",
            "http://127.0.0.1.example.com",
            "http://127.0.0.1@example.com",
            "ftp://127.0.0.1",
            "sns.eu-central-1.amazonaws.com",
        ] {
            check(endpoint, false);
        }
    }
}
