//! Asks the API, as any integrator would, whether the page is live; and does once what the owner of the demo's organization does.
//!
//! In: address, roots, token. Out: how many inverters are shown and how many of them have fresh values; the organization keeps a logbook.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;

use super::setup::{Cloud, EMAIL};
use crate::trust;

/// For how long the demo's organization keeps its logbook.
const LOGBOOK_YEARS: &str = "5";

/// Longest wait for the first answer, and for all values.
const PATIENCE: Duration = Duration::from_secs(60);

/// The API of the demo's cloud.
pub struct Page {
    agent: ureq::Agent,
    url: String,
    token: String,
}

impl Page {
    pub fn new(cloud: &Cloud) -> Result<Self> {
        let tls = trust::only(&cloud.roots())?;
        let agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(Duration::from_secs(5)))
            .build()
            .into();
        Ok(Self { agent, url: cloud.url(), token: cloud.token.clone() })
    }

    /// The organization keeps a logbook, as its owner says by the page's own form (decision 25).
    pub fn keep_logbook(&self, cloud: &Cloud) -> Result<()> {
        let send = |path: &str, cookie: &str, form: &[(&str, &str)]| {
            let request = self.agent.post(format!("{}{path}", self.url));
            let request = request.header("origin", &self.url).header("cookie", cookie);
            request.config().max_redirects(0).build().send_form(form.iter().copied())
        };
        let answer = send("/sign-in", "", &[("email", EMAIL), ("password", &cloud.password), ("next", "")])?;
        let cookies = answer.headers().get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
        let cookie = cookies.filter_map(|value| value.split(';').next()).collect::<Vec<_>>().join("; ");
        let path = format!("/organizations/{}/logbook", cloud.organization());
        let answer = send(&path, &cookie, &[("years", LOGBOOK_YEARS), ("sure", "yes")])?;
        let place =
            answer.headers().get("location").and_then(|place| place.to_str().ok()).unwrap_or_default();
        if !place.ends_with("done=begun") {
            bail!("the demo's organization could not begin its logbook: {} {place}", answer.status());
        }
        Ok(())
    }

    fn inverters(&self) -> Result<Vec<Value>> {
        let url = format!("{}/api/v1/inverters", self.url);
        let authorization = format!("Bearer {}", self.token);
        let mut answer = self.agent.get(&url).header("Authorization", &authorization).call()?;
        let text = answer.body_mut().read_to_string()?;
        let body: Value = serde_json::from_str(&text)?;
        Ok(body.get("items").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// Waits for an answer of any kind.
    pub fn wait_until_up(&self, mut broken: impl FnMut() -> Option<String>) -> Result<()> {
        self.wait(&mut broken, "the cloud does not answer", |_| true)
    }

    /// Waits until `count` inverters have a reading that came live.
    pub fn wait_until_live(&self, count: usize, mut broken: impl FnMut() -> Option<String>) -> Result<()> {
        self.wait(&mut broken, "not all inverters are live", |items| {
            let live = |item: &&Value| item.get("freshness").is_some_and(|freshness| freshness == "live");
            items.iter().filter(live).count() >= count
        })
    }

    fn wait(
        &self,
        broken: &mut impl FnMut() -> Option<String>,
        what: &str,
        good: impl Fn(&[Value]) -> bool,
    ) -> Result<()> {
        let begun = Instant::now();
        loop {
            let answer = self.inverters();
            if answer.as_ref().is_ok_and(|items| good(items)) {
                return Ok(());
            }
            if let Some(why) = broken() {
                bail!("{why}");
            }
            if begun.elapsed() > PATIENCE {
                return match answer {
                    Ok(_) => bail!("{what} after {} s", PATIENCE.as_secs()),
                    Err(error) => Err(error.context(format!("{what} after {} s", PATIENCE.as_secs()))),
                };
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
