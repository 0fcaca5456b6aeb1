//! Acts that the audit log knows, as one table: its name in the log, who may read of it, and its sentence.
//!
//! In: a verb. Out: how it is stored and how it is said. Adding an act is one line. A name that was released is never
//! given another meaning: the log outlives the program. Never holds who or when; the log's rows do.

/// Who may read of an act. Operators read of all; whoever acted reads of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Those who may manage the inverter, the owners of the organization, the account that it concerns.
    Holders,
    /// The account that it concerns.
    Account,
    /// Nobody else.
    Operators,
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerbRow {
    /// The act.
    pub verb: Verb,
    /// Its name in the log and in its filters.
    pub name: &'static str,
    /// Who may read of it.
    pub audience: Audience,
    /// What was done, to follow a name: "shared {inverter} with {account}". The places take names.
    pub sentence: &'static str,
}

macro_rules! verbs {
    ($($verb:ident $name:literal $audience:ident $sentence:literal;)*) => {
        /// An act.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Verb {
            $(#[doc = $sentence] $verb,)*
        }

        impl Verb {
            /// Every act, in the order of their areas.
            pub const TABLE: &[VerbRow] = &[
                $(VerbRow {
                    verb: Self::$verb, name: $name, audience: Audience::$audience, sentence: $sentence,
                },)*
            ];

            /// Its line of the table.
            #[must_use]
            pub const fn row(self) -> VerbRow {
                match self {
                    $(Self::$verb => VerbRow {
                        verb: self, name: $name, audience: Audience::$audience, sentence: $sentence,
                    },)*
                }
            }
        }
    };
}

verbs! {
    AllowAdd             "allow.add"              Operators "put an address on the allow-list";
    AllowRemove          "allow.remove"           Operators "took an address off the allow-list";

    AccountAdd           "account.add"            Account   "made {account}";
    AccountRegister      "account.register"       Account   "registered {account}";
    AccountVerify        "account.verify"         Account   "confirmed the address of {account}";
    AccountPassword      "account.password"       Account   "changed the password of {account}";
    AccountReset         "account.reset"          Account   "reset the password of {account} by mail";
    AccountAddress       "account.address"        Account   "changed the address of {account}";
    AccountName          "account.name"           Account   "changed the name of {account}";
    AccountDisable       "account.disable"        Account   "disabled {account}";
    AccountEnable        "account.enable"         Account   "enabled {account}";
    AccountExport        "account.export"         Account   "exported the data of {account}";
    AccountDelete        "account.delete"         Account   "deleted {account}";

    SignIn               "sign_in"                Account   "signed in to {account}";
    SignOut              "sign_out"               Account   "signed out of {account}";
    SessionEnd           "session.end"            Account   "ended a session of {account}";
    SessionEndAll        "session.end_all"        Account   "signed {account} out everywhere";

    FactorAdd            "factor.add"             Account   "added a second factor to {account}";
    FactorRename         "factor.rename"          Account   "gave a second factor of {account} another name";
    FactorRemove         "factor.remove"          Account   "removed a second factor from {account}";
    FactorSuspect        "factor.suspect"         Account   "stopped a passkey of {account}, as a copy of it may be about";
    FactorRecoveryMake   "factor.recovery_make"   Account   "made new recovery codes for {account}";
    FactorRecoveryUse    "factor.recovery_use"    Account   "used a recovery code of {account}";

    TokenAdd             "token.add"              Account   "made an API token for {account}";
    TokenRevoke          "token.revoke"           Account   "revoked an API token of {account}";

    PhoneAsk             "phone.ask"              Account   "had a code sent to a telephone for {account}";
    PhoneAdd             "phone.add"              Account   "added a telephone to {account}";
    PhoneRemove          "phone.remove"           Account   "removed a telephone from {account}";
    PushAdd              "push.add"               Account   "added a browser for push messages to {account}";
    PushRemove           "push.remove"            Account   "removed a browser for push messages from {account}";
    WebhookAdd           "webhook.add"            Account   "added a webhook to {account}";
    WebhookChallenge     "webhook.challenge"      Account   "challenged a webhook of {account}";
    WebhookOff           "webhook.off"            Account   "switched off a webhook of {account}, which failed for days";
    WebhookRemove        "webhook.remove"         Account   "removed a webhook from {account}";
    NotificationsTest    "notifications.test"     Account   "sent a test to {account}";

    PairStart            "pair.start"             Account   "began to add an inverter";
    PairCancel           "pair.cancel"            Account   "stopped adding an inverter";
    PairFail             "pair.fail"              Account   "could not add an inverter";
    PairDone             "pair.done"              Holders   "added {inverter} by the button in its cabinet";

    NotificationsEdit    "notifications.edit"     Account   "changed what {account} is told";

    InverterEdit         "inverter.edit"          Holders   "changed {inverter}";
    InverterRemove       "inverter.remove"        Holders   "removed {inverter}";
    InverterMove         "inverter.move"          Holders   "moved {inverter} to {organization}";

    MaintenancePlan      "maintenance.plan"       Holders   "planned maintenance of {inverter}";
    MaintenanceEnd       "maintenance.end"        Holders   "ended maintenance of {inverter}";
    LimitAdd             "limit.add"              Holders   "set a limit of {inverter}";
    LimitRemove          "limit.remove"           Holders   "removed a limit of {inverter}";

    TestNote             "test.note"              Holders   "noted what was done after a test of {inverter}";

    ShareOffer           "share.offer"            Holders   "offered access to {inverter}";
    ShareAccept          "share.accept"           Holders   "accepted access to {inverter}";
    ShareDecline         "share.decline"          Holders   "declined access to {inverter}";
    ShareWithdraw        "share.withdraw"         Holders   "withdrew an offer of access to {inverter}";
    ShareGrant           "share.grant"            Holders   "gave access to {inverter}";
    ShareChange          "share.change"           Holders   "changed someone's access to {inverter}";
    ShareRevoke          "share.revoke"           Holders   "ended someone's access to {inverter}";
    ShareLeave           "share.leave"            Holders   "gave up access to {inverter}";

    OrganizationAdd      "organization.add"       Holders   "made {organization}";
    OrganizationEdit     "organization.edit"      Holders   "changed {organization}";
    OrganizationSeverity "organization.severity"  Holders   "changed how much conditions matter to {organization}";
    OrganizationDelete   "organization.delete"    Holders   "deleted {organization}";
    LogbookBegin         "logbook.begin"          Holders   "began to keep the logbook of {organization}";
    LogbookYears         "logbook.years"          Holders   "changed for how long the logbook of {organization} is kept";
    LogbookExport        "logbook.export"         Holders   "exported the logbook of {organization}";
    LogbookEnd           "logbook.end"            Holders   "deleted the logbook of {organization}";
    MemberInvite         "member.invite"          Holders   "invited someone to {organization}";
    MemberInviteWithdraw "member.invite_withdraw" Holders   "withdrew an invitation to {organization}";
    MemberJoin           "member.join"            Holders   "joined {organization}";
    MemberDecline        "member.decline"         Holders   "declined an invitation to {organization}";
    MemberRole           "member.role"            Holders   "changed a role in {organization}";
    MemberRemove         "member.remove"          Holders   "took {account} out of {organization}";
    MemberLeave          "member.leave"           Holders   "left {organization}";
    SiteAdd              "site.add"               Holders   "made a site";
    SiteEdit             "site.edit"              Holders   "changed a site";
    SiteDelete           "site.delete"            Holders   "deleted a site";
    LadderEdit           "ladder.edit"            Holders   "changed whom alarms are escalated to";
    LadderRemove         "ladder.remove"          Holders   "removed an escalation ladder";

    DeviceRegister       "device.register"        Operators "registered {inverter}";
    DeviceEdit           "device.edit"            Operators "changed the registered facts of {inverter}";
    DeviceIssue          "device.issue"           Operators "issued a certificate for {inverter}";
    DeviceRevoke         "device.revoke"          Holders   "revoked the certificates of {inverter}";
    DeviceSupersede      "device.supersede"       Operators "revoked the older certificates of {inverter}";

    QuarantineDownload   "quarantine.download"    Operators "downloaded a report of {inverter} from quarantine";
    QuarantineDelete     "quarantine.delete"      Operators "deleted a report of {inverter} from quarantine";

    AuditVerify          "audit.verify"           Operators "verified the audit log";

    ClockConfirm         "clock.confirm"          Operators "said that the machine's clock is right";
    BackupMake           "backup.make"            Operators "began a backup";
    BackupRestore        "backup.restore"         Operators "restored a backup";
    KeysCopy             "keys.copy"              Operators "copied the keys";
}

/// One line of the table of areas: what a filter of the log offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Its name in addresses and on the command line.
    pub name: &'static str,
    /// What it is called on a page.
    pub words: &'static str,
    /// What the names of its acts begin with, up to the first dot.
    pub prefixes: &'static [&'static str],
    /// Details of its acts are what customers typed about what is theirs: nothing for operators.
    pub customers: bool,
}

/// Every area; each act is in one.
pub const AREAS: &[Area] = &[
    Area { name: "allow-list", words: "Allow-list", prefixes: &["allow"], customers: false },
    Area { name: "accounts", words: "Accounts", prefixes: &["account"], customers: false },
    Area {
        name: "sign-ins",
        words: "Sign-ins and factors",
        prefixes: &["sign_in", "sign_out", "session", "factor"],
        customers: false,
    },
    Area { name: "tokens", words: "API tokens", prefixes: &["token"], customers: true },
    Area {
        name: "notifications",
        words: "Notifications",
        prefixes: &["notifications", "phone", "push", "webhook"],
        customers: true,
    },
    Area { name: "pairing", words: "Adding inverters", prefixes: &["pair"], customers: false },
    Area {
        name: "inverters",
        words: "Inverters",
        prefixes: &["inverter", "maintenance", "limit", "test"],
        customers: true,
    },
    Area { name: "sharing", words: "Sharing", prefixes: &["share"], customers: true },
    Area {
        name: "organizations",
        words: "Organizations and sites",
        prefixes: &["organization", "member", "site", "ladder", "logbook"],
        customers: true,
    },
    Area { name: "devices", words: "Devices", prefixes: &["device", "quarantine"], customers: false },
    Area { name: "audit", words: "Audit log", prefixes: &["audit"], customers: false },
    Area { name: "service", words: "The service", prefixes: &["clock", "backup", "keys"], customers: false },
];

impl Area {
    /// The area of an act.
    #[must_use]
    pub fn of(verb: Verb) -> Option<&'static Self> {
        let prefix = verb.name().split('.').next()?;
        AREAS.iter().find(|area| area.prefixes.contains(&prefix))
    }

    /// By name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<&'static Self> {
        AREAS.iter().find(|area| area.name == name)
    }

    /// The acts in it.
    pub fn verbs(&self) -> impl Iterator<Item = Verb> {
        let prefixes = self.prefixes;
        let within = move |row: &&VerbRow| {
            prefixes.contains(&row.name.split_once('.').map_or(row.name, |(area, _)| area))
        };
        Verb::TABLE.iter().filter(within).map(|row| row.verb)
    }
}

impl Verb {
    /// Its name in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// By name; `None` for one of another version.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|row| row.name == name).map(|row| row.verb)
    }

    /// Those that an audience reads of: [`Audience::Holders`] of its own only, [`Audience::Account`] of those too,
    /// [`Audience::Operators`] of all.
    pub fn read_by(audience: Audience) -> impl Iterator<Item = Self> {
        Self::TABLE.iter().filter(move |row| rank(row.audience) <= rank(audience)).map(|row| row.verb)
    }

    /// What was done, with names put in their places.
    #[must_use]
    pub fn say(self, account: &str, inverter: &str, organization: &str) -> String {
        let mut said = String::new();
        let mut rest = self.row().sentence;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((place, after)) = after.split_once('}') else { break };
            said.push_str(before);
            said.push_str(match place {
                "account" => account,
                "inverter" => inverter,
                _ => organization,
            });
            rest = after;
        }
        said.push_str(rest);
        said
    }
}

const fn rank(audience: Audience) -> u8 {
    match audience {
        Audience::Holders => 0,
        Audience::Account => 1,
        Audience::Operators => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_lead_back() {
        let names: HashSet<_> = Verb::TABLE.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), Verb::TABLE.len());
        for row in Verb::TABLE {
            assert_eq!(Verb::from_name(row.name), Some(row.verb));
            assert_eq!(row.verb.row(), *row);
        }
        assert_eq!(Verb::from_name("share.none"), None);
    }

    #[test]
    fn places_are_known_and_names_cannot_make_more_of_them() {
        for row in Verb::TABLE {
            let said = row.verb.say("ann@example.org", "Dock {account}", "Pier 4");
            assert_eq!(
                said.matches("{account}").count(),
                row.sentence.matches("{inverter}").count(),
                "{said}"
            );
            for place in row.sentence.split('{').skip(1).filter_map(|rest| rest.split_once('}')) {
                assert!(["account", "inverter", "organization"].contains(&place.0), "{}", row.sentence);
            }
        }
    }

    #[test]
    fn every_act_is_in_exactly_one_area() {
        for row in Verb::TABLE {
            let areas = AREAS.iter().filter(|area| area.verbs().any(|verb| verb == row.verb)).count();
            assert_eq!(areas, 1, "{}", row.name);
        }
        assert!(AREAS.iter().all(|area| Area::from_name(area.name) == Some(area)));
    }

    #[test]
    fn each_audience_reads_what_the_narrower_one_reads() {
        let count = |audience| Verb::read_by(audience).count();
        assert!(count(Audience::Holders) < count(Audience::Account));
        assert!(count(Audience::Account) < count(Audience::Operators));
        assert_eq!(count(Audience::Operators), Verb::TABLE.len());
    }
}
