//! One message by its channel.
//!
//! In: a message from the outbox. Out: what whoever took it answered, or why it was not taken. Looks at the moment of
//! sending whether the way is still the person's, and verified; counts text messages before they cost something. Never
//! sends by another channel than the row says.

use aws_lc_rs::rand;
use fleet::audit::Verb;
use fleet::notice::{Channel, PhoneNumber, TextPurpose};
use store::state::{Act, By, DueMail, PushDevice, StateError, StateStore, TextToSend, Webhook};
use web::mail::{channels as letters, notes};
use web::sign_in::vault::Vault;
use wire::UtcMs;

use super::push::{Push, PushMessage, Pushed};
use super::text::Texts;
use super::webhook::{Call, Webhooks};
use super::{NotSent, Way};

/// How messages are sent, by channel; a channel that is not configured has none.
#[derive(Debug, Default)]
pub struct Ways {
    /// E-mail.
    pub mail: Option<Way>,
    /// Text messages.
    pub text: Option<Texts>,
    /// Browsers.
    pub push: Option<Push>,
    /// People's programs.
    pub webhook: Option<Hooks>,
}

/// Webhooks, and what opens their secrets.
#[derive(Debug)]
pub struct Hooks {
    /// The way there.
    pub webhooks: Webhooks,
    /// Opens secrets.
    pub vault: Vault,
}

impl Ways {
    /// Sends a message. `origin`: where people find our pages, for letters about a way that ends.
    ///
    /// # Errors
    /// [`NotSent`].
    pub async fn send(
        &self,
        state: &StateStore,
        origin: &str,
        message: &DueMail,
        now: UtcMs,
    ) -> Result<String, NotSent> {
        let ending = Ending { state, origin, now };
        let missing = || NotSent::Refused("this service does not send by that way any more".to_owned());
        match message.channel {
            Channel::Email => {
                let way = self.mail.as_ref().ok_or_else(missing)?;
                let letter = way.head.write(message).map_err(|error| NotSent::Refused(error.to_string()))?;
                way.sink.send(&letter).await
            }
            Channel::Text => text(self.text.as_ref().ok_or_else(missing)?, state, message, now).await,
            Channel::Push => push(self.push.as_ref().ok_or_else(missing)?, ending, message).await,
            Channel::Webhook => call(self.webhook.as_ref().ok_or_else(missing)?, ending, message).await,
        }
    }
}

/// What it takes to end a way, and to tell its owner.
#[derive(Clone, Copy)]
struct Ending<'a> {
    state: &'a StateStore,
    origin: &'a str,
    now: UtcMs,
}

fn unknown(error: StateError) -> NotSent {
    NotSent::Deferred(format!("the way to the person cannot be looked up: {error}"))
}

fn refused(why: impl std::fmt::Display) -> NotSent {
    NotSent::Refused(why.to_string())
}

async fn text(texts: &Texts, state: &StateStore, message: &DueMail, now: UtcMs) -> Result<String, NotSent> {
    let number = PhoneNumber::parse(&message.to).map_err(refused)?;
    if !notes::GOES_TO_UNVERIFIED.contains(&message.kind.as_str()) {
        let account = message.account.ok_or_else(|| refused("nobody's number"))?;
        let ways = state.ways(account).await.map_err(unknown)?;
        if !ways.iter().any(|way| way.channel == Channel::Text && way.to == message.to) {
            return Err(NotSent::Withheld("the number is not this person's any more"));
        }
    }
    let purpose = if message.incident.is_some() { TextPurpose::Alarm } else { TextPurpose::Other };
    let counted = TextToSend { account: message.account, number: &number, purpose, at: now };
    state.count_text(counted, &texts.limits).await.map_err(unknown)?.map_err(refused)?;
    let sent = texts.send(&number, &message.text).await;
    if let Err(NotSent::Refused(_) | NotSent::Deferred(_) | NotSent::NoWay { .. }) = &sent
        && let Err(error) = state.uncount_text(counted).await
    {
        tracing::warn!(%error, message = message.id, "a text that was not taken stays counted");
    }
    sent
}

async fn push(push: &Push, ending: Ending<'_>, message: &DueMail) -> Result<String, NotSent> {
    let found = ending.state.push_device(&message.to).await.map_err(unknown)?;
    let device = found.filter(|device| message.account == Some(device.account));
    let device = device.ok_or(NotSent::Withheld("the browser is not this person's any more"))?;
    if device.verified_at.is_none() && message.kind != notes::PUSH_PROOF {
        return Err(NotSent::Withheld("no message has arrived at this browser yet"));
    }
    let pushed = PushMessage { key: &message.key, text: &message.text, expires_at: message.expires_at };
    match push.send(&device, pushed, ending.now).await? {
        Pushed::Accepted(said) => Ok(said),
        Pushed::Gone(said) => {
            ending.forget(&device).await?;
            Err(refused(format!("{said}. The browser has ended its subscription; it is removed")))
        }
    }
}

async fn call(hooks: &Hooks, ending: Ending<'_>, message: &DueMail) -> Result<String, NotSent> {
    let Ending { state, now, .. } = ending;
    let found = state.webhook(&message.to).await.map_err(unknown)?;
    let webhook = found.filter(|webhook| message.account == Some(webhook.account));
    let webhook = webhook.ok_or(NotSent::Withheld("the webhook is not this person's any more"))?;
    let challenges = message.kind == notes::WEBHOOK_CHALLENGE;
    if !(webhook.is_on() || challenges) {
        return Err(NotSent::Withheld("the webhook is switched off, or has not answered its challenge"));
    }
    let challenge = challenges.then(|| notes::challenge_in(&message.text)).flatten();
    let secret = hooks.vault.open_webhook(webhook.account, &webhook.sealed_secret).map_err(refused)?;
    let call = Call {
        url: &webhook.url,
        secret: &secret,
        key: &message.key,
        body: &message.text,
        challenge: challenge.as_deref(),
    };
    let sent = hooks.webhooks.send(call, now).await;
    match &sent {
        Ok(_) => state.webhook_answered(&webhook.public_id, challenges, now).await.map_err(unknown)?,
        Err(_) if challenges => {}
        Err(why) => ending.failed(&webhook, why).await?,
    }
    sent
}

impl Ending<'_> {
    /// A browser that has ended its subscription is removed, and its owner told: else messages end without a word.
    async fn forget(&self, device: &PushDevice) -> Result<(), NotSent> {
        let Some(account) = self.state.account(device.account).await.map_err(unknown)? else { return Ok(()) };
        let letter = letters::push_ended(self.origin, &device.name, self.now).map_err(refused)?;
        let key = format!("push:{}:ended", device.public_id);
        let letter = letter.notice(&account.email, &key, self.now);
        let act =
            act(Verb::PushRemove, self.now)?.of_account(device.account).with_detail(device.name.clone());
        let (own, name) = (device.account, &device.public_id);
        self.state.remove_push_device(own, name, &act, &[letter]).await.map(drop).map_err(unknown)
    }

    /// When a webhook has failed for days, it is switched off and its owner told.
    async fn failed(&self, webhook: &Webhook, why: &NotSent) -> Result<(), NotSent> {
        let Self { state, origin, now } = *self;
        let Some(account) = state.account(webhook.account).await.map_err(unknown)? else { return Ok(()) };
        let letter = letters::webhook_off(origin, &webhook.url, &why.to_string(), now).map_err(refused)?;
        let key = format!("webhook:{}:off:{}", webhook.public_id, webhook.failing_since.unwrap_or(now).0);
        let act = act(Verb::WebhookOff, now)?.of_account(webhook.account).with_detail(webhook.url.clone());
        let letter = letter.notice(&account.email, &key, now);
        let off = state.webhook_failed(&webhook.public_id, &act, &letter).await;
        if off.map_err(unknown)? {
            tracing::warn!(account = webhook.account.0, "a webhook failed for days and is switched off");
        }
        Ok(())
    }
}

fn act(verb: Verb, now: UtcMs) -> Result<Act, NotSent> {
    let mut salt = [0; 32];
    rand::fill(&mut salt).map_err(|_| NotSent::Deferred("the system gives no randomness".to_owned()))?;
    Ok(Act::new(verb, By::Service, now, salt))
}
