//! Versions of the schema, oldest first, one file each.
//!
//! In: a database of any earlier version. Out: the newest. A migration that was released is never edited; a change
//! is a new one.

mod first;
mod m0002_audit;
mod m0003_mail;
mod m0004_registration;
mod m0005_factors;
mod m0006_organizations;
mod m0007_pairing;
mod m0008_devices;
mod m0009_alarms;
mod m0010_incidents;
mod m0011_channels;
mod m0012_ladders;
mod m0013_calendar;
mod m0014_deliveries;
mod m0015_severities;
mod m0016_retention;
mod m0017_lending;
mod m0018_records;
mod m0019_logbook;
mod m0020_test_notes;
mod m0021_logbook_filling;

use sea_orm_migration::prelude::*;

/// Brings a database up to date.
pub(super) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(first::First),
            Box::new(m0002_audit::Audit),
            Box::new(m0003_mail::Mail),
            Box::new(m0004_registration::Registration),
            Box::new(m0005_factors::Factors),
            Box::new(m0006_organizations::Organizations),
            Box::new(m0007_pairing::Pairing),
            Box::new(m0008_devices::Devices),
            Box::new(m0009_alarms::Alarms),
            Box::new(m0010_incidents::Incidents),
            Box::new(m0011_channels::Channels),
            Box::new(m0012_ladders::Ladders),
            Box::new(m0013_calendar::Calendar),
            Box::new(m0014_deliveries::Deliveries),
            Box::new(m0015_severities::Severities),
            Box::new(m0016_retention::Retention),
            Box::new(m0017_lending::Lending),
            Box::new(m0018_records::Records),
            Box::new(m0019_logbook::Logbook),
            Box::new(m0020_test_notes::TestNotes),
            Box::new(m0021_logbook_filling::LogbookFilling),
        ]
    }
}

/// Whether a version of the schema, by its newest change, is this one or an earlier one.
pub(crate) fn knows_schema(newest: &str) -> bool {
    Migrator::migrations().iter().any(|migration| migration.name() == newest)
}

fn table(name: &'static str) -> TableCreateStatement {
    Table::create().table(name).take()
}

fn reference(
    table: &'static str,
    column: &'static str,
    to: &'static str,
    deleted: ForeignKeyAction,
) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(table, column).to(to, "id").on_delete(deleted).take()
}
