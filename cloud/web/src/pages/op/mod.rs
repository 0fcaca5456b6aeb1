//! The operator's pages.
//!
//! In: an [`crate::operator::Operator`]. Out: the allow-list, devices, accounts, how messages went, reports in quarantine,
//! how the service is, the audit log. Never shows a customer's telemetry or what a customer calls things.

pub mod account;
pub mod accounts;
pub mod allow_add;
pub mod allow_list;
pub mod allow_remove;
pub mod audit;
pub mod audit_verify;
pub mod deliveries;
pub mod device;
pub mod device_new;
pub mod devices;
pub mod health;
pub mod quarantine;
