//! `[mail]`: where mails go and from whom they come.
//!
//! In: the keys as written. Out: [`Mail`], or none where nothing is written. A way without TLS cannot be written.

use std::net::Ipv6Addr;
use std::path::PathBuf;

use lettre::message::Mailbox;

use super::ConfigError;
use super::reader::{Reader, is_host_name};
use super::written::WrittenMail;

const SMTP: &str = "smtp = \"smtps://mail.example.com:465\" under [mail]";
const FROM: &str = "from = \"Inverter Connect <no-reply@connect.example.com>\" under [mail]";
const REPLY_TO: &str = "reply_to = \"help@example.com\" under [mail]";
const USERNAME: &str = "username = \"inverter-connect\" under [mail]";
const PASSWORD_FILE: &str = "password_file = \"/var/lib/inverter-connect/mail-password\" under [mail]";

/// How mails are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Where to.
    pub sink: MailSink,
    /// From whom.
    pub from: Mailbox,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<Mailbox>,
}

/// Where mails go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailSink {
    /// To a mail server.
    Smtp(MailServer),
    /// Into a folder, in development.
    Maildir(PathBuf),
}

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServer {
    /// When TLS begins.
    pub encryption: Encryption,
    /// Name that its certificate must have.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How to sign in, if it wants that.
    pub login: Option<Login>,
    /// Roots that are trusted beside the system's own, PEM.
    pub ca_file: Option<PathBuf>,
}

/// Name and password at a mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Name.
    pub username: String,
    /// The file that holds the password, and nothing else.
    pub password_file: PathBuf,
}

/// When TLS begins. There is no third way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// With the first byte.
    AtOnce,
    /// After STARTTLS, before anything of ours.
    StartTls,
}

impl Encryption {
    /// Each with its scheme and the port that is meant where none is written (RFC 8314).
    const TABLE: [(Self, &'static str, u16); 2] =
        [(Self::AtOnce, "smtps://", 465), (Self::StartTls, "starttls://", 587)];
}

impl std::fmt::Display for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.sink {
            MailSink::Smtp(server) => {
                let of = Encryption::TABLE.iter().find(|(encryption, ..)| *encryption == server.encryption);
                let scheme = of.map_or("", |(_, scheme, _)| scheme);
                write!(f, "{scheme}{}:{} from {}", server.host, server.port, self.from)
            }
            MailSink::Maildir(folder) => write!(f, "into the folder {} from {}", folder.display(), self.from),
        }
    }
}

impl Reader<'_> {
    pub(super) fn mail(&self, written: WrittenMail) -> Result<Option<Mail>, ConfigError> {
        let WrittenMail { smtp, maildir, from, reply_to, username, password_file, ca_file } = written;
        let login = self.login(username, password_file)?;
        let sink = match (smtp, maildir) {
            (Some(smtp), None) => MailSink::Smtp(self.server(smtp, login, ca_file)?),
            (None, Some(folder)) => MailSink::Maildir(self.absolute(folder)),
            (Some(smtp), Some(_)) => {
                return Err(self.value(
                    "mail.smtp",
                    smtp,
                    "mails go there or into `maildir`, not both",
                    SMTP,
                ));
            }
            (None, None) if from.is_some() || reply_to.is_some() || login.is_some() || ca_file.is_some() => {
                return Err(self.missing("mail.smtp", SMTP));
            }
            (None, None) => return Ok(None),
        };
        let from = from.ok_or_else(|| self.missing("mail.from", FROM))?;
        let from = self.mailbox("mail.from", from, FROM)?;
        let reply_to = reply_to.map(|text| self.mailbox("mail.reply_to", text, REPLY_TO)).transpose()?;
        Ok(Some(Mail { sink, from, reply_to }))
    }

    fn login(
        &self,
        username: Option<String>,
        password_file: Option<PathBuf>,
    ) -> Result<Option<Login>, ConfigError> {
        match (username, password_file) {
            (Some(username), Some(file)) => Ok(Some(Login { username, password_file: self.absolute(file) })),
            (Some(_), None) => Err(self.missing("mail.password_file", PASSWORD_FILE)),
            (None, Some(_)) => Err(self.missing("mail.username", USERNAME)),
            (None, None) => Ok(None),
        }
    }

    fn server(
        &self,
        url: String,
        login: Option<Login>,
        ca_file: Option<PathBuf>,
    ) -> Result<MailServer, ConfigError> {
        let wrong = |why: &str| self.value("mail.smtp", url.clone(), why, SMTP);
        let of = Encryption::TABLE.iter().find_map(|(encryption, scheme, port)| {
            url.strip_prefix(scheme).map(|rest| (*encryption, rest, *port))
        });
        let Some((encryption, rest, usual_port)) = of else {
            return Err(wrong("mails go over TLS only, so it begins with smtps:// or starttls://"));
        };
        if rest.contains('@') {
            return Err(wrong("name and password have keys of their own, `username` and `password_file`"));
        }
        let (host, port) = split_port(rest);
        let port = match port {
            Some(port) => port.parse().map_err(|_| wrong("what follows the colon is no port"))?,
            None => usual_port,
        };
        if !is_host_name(host) && host.parse::<Ipv6Addr>().is_err() {
            return Err(wrong("it names no host"));
        }
        let ca_file = ca_file.map(|path| self.absolute(path));
        Ok(MailServer { encryption, host: host.to_ascii_lowercase(), port, login, ca_file })
    }

    fn mailbox(
        &self,
        key: &'static str,
        text: String,
        example: &'static str,
    ) -> Result<Mailbox, ConfigError> {
        text.parse().map_err(|_| self.value(key, text, "it is not a mail address", example))
    }
}

/// An IPv6 address stands in brackets.
fn split_port(rest: &str) -> (&str, Option<&str>) {
    if let Some((host, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, after.strip_prefix(':'));
    }
    rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn parse(mail: &str) -> Result<Option<Mail>, ConfigError> {
        let text = format!(
            "data_dir = \"data\"\nlisten = \"127.0.0.1:8443\"\n[people]\nnames = [\"localhost\"]\n\
             [device]\nname = \"device.localhost\"\n[mail]\n{mail}"
        );
        Config::parse(Path::new("/etc/ic/cloud.toml"), &text).map(|config| config.mail)
    }

    #[test]
    fn a_server_a_folder_or_nothing() {
        let from = "from = \"Inverter Connect <no-reply@connect.example>\"\n";
        let server = |smtp: &str| parse(&format!("{from}smtp = \"{smtp}\"")).unwrap().unwrap().to_string();
        let end = "from Inverter Connect <no-reply@connect.example>";
        assert_eq!(server("smtps://Mail.example"), format!("smtps://mail.example:465 {end}"));
        assert_eq!(server("starttls://mail.example"), format!("starttls://mail.example:587 {end}"));
        assert_eq!(server("starttls://127.0.0.1:2525"), format!("starttls://127.0.0.1:2525 {end}"));
        assert_eq!(server("smtps://[::1]:4465"), format!("smtps://::1:4465 {end}"));
        let mail = parse(&format!("{from}maildir = \"mail\"")).unwrap().unwrap();
        assert_eq!(mail.sink, MailSink::Maildir("/etc/ic/mail".into()));
        assert_eq!(parse("").unwrap(), None);
        let login = "smtp = \"smtps://m\"\nusername = \"ic\"\npassword_file = \"pw\"\nca_file = \"ca.crt\"";
        let MailSink::Smtp(server) = parse(&format!("{from}{login}")).unwrap().unwrap().sink else {
            panic!()
        };
        let login = Login { username: "ic".into(), password_file: "/etc/ic/pw".into() };
        assert_eq!((server.login, server.ca_file), (Some(login), Some("/etc/ic/ca.crt".into())));
    }

    /// ASVS 5.0: 13.2.1.
    #[test]
    fn every_error_names_the_key_and_what_to_write() {
        let check = |mail: &str, expect: &[&str]| {
            let error = parse(mail).unwrap_err().to_string();
            for part in ["/etc/ic/cloud.toml", "under [mail]"].iter().chain(expect) {
                assert!(error.contains(part), "{error}\ndoes not say {part}");
            }
        };
        let from = "from = \"a@b.example\"\n";
        for clear in ["smtp://mail.example", "mail.example:25", "http://mail.example", ""] {
            check(&format!("{from}smtp = \"{clear}\""), &["`mail.smtp`", "TLS only", "smtps://"]);
        }
        check(from, &["`mail.smtp` is missing"]);
        check("smtp = \"smtps://m\"", &["`mail.from` is missing", "no-reply@"]);
        check("smtp = \"smtps://m\"\nmaildir = \"m\"", &["`mail.smtp`", "not both"]);
        check("smtp = \"smtps://me:secret@m\"", &["`mail.smtp`", "password_file"]);
        check("smtp = \"smtps://m:x\"", &["`mail.smtp`", "no port"]);
        check("smtp = \"smtps://m/path\"", &["`mail.smtp`", "no host"]);
        check("smtp = \"smtps://\"", &["`mail.smtp`", "no host"]);
        check("smtp = \"smtps://m\"\nusername = \"u\"", &["`mail.password_file` is missing"]);
        check("smtp = \"smtps://m\"\npassword_file = \"f\"", &["`mail.username` is missing"]);
        check("maildir = \"m\"\nfrom = \"nobody\"", &["`mail.from`", "not a mail address"]);
        check(
            &format!("{from}maildir = \"m\"\nreply_to = \"a b\""),
            &["`mail.reply_to`", "not a mail address"],
        );
    }
}
