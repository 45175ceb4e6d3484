//! The whole store, looked at while it is used.

use super::protocol::Trouble;
use super::server::{Exchange, Fault, Office};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{Blobs, ReadError, Store};
use store_local::{Aside, AsideKind};
use tokio::sync::mpsc;
use upkeep::{Counts, Finding, Kind, Stage, Step};

/// Steps that are told beside those of every so many.
const STEPS_EVERY: u64 = 64;

/// How far it is, what is wrong, and at the end what was looked at.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum CheckItem {
    At { stage: StageName, done: u64, of: u64 },
    Found(FoundItem),
    Done(DoneItem),
}

/// What is being looked at.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum StageName {
    Rows,
    Accounts,
    Blobs,
}

/// Something that is wrong.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct FoundItem {
    /// As [`Kind::name`].
    pub kind: String,
    /// The account's address, or the recipient of a queued message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailbox: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Which row, blob, file or queued message.
    pub what: String,
    /// How it is wrong, in the words of the program.
    pub wrong: String,
}

/// What was looked at.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct DoneItem {
    pub rows: u64,
    pub accounts: u64,
    pub blobs: u64,
    pub blob_octets: u64,
    pub unreferenced_blobs: u64,
    /// The numbers of accounts that have mail and no address.
    #[serde(default)]
    pub unowned: Vec<u32>,
    pub findings: u64,
}

impl From<Finding> for FoundItem {
    fn from(finding: Finding) -> FoundItem {
        let Finding { kind, account, address, mailbox, uid, email, subject, what, wrong } = finding;
        FoundItem { kind: kind.name().into(), address, account, mailbox, uid, email, subject, what, wrong }
    }
}

impl From<Step> for CheckItem {
    fn from(step: Step) -> CheckItem {
        match step {
            Step::Found(finding) => CheckItem::Found(finding.into()),
            Step::At(stage, done, of) => {
                let stage = match stage {
                    Stage::Rows => StageName::Rows,
                    Stage::Accounts => StageName::Accounts,
                    Stage::Blobs => StageName::Blobs,
                };
                CheckItem::At { stage, done, of }
            }
        }
    }
}

impl From<Counts> for DoneItem {
    fn from(counts: Counts) -> DoneItem {
        let Counts { rows, accounts, blobs, blob_octets, unreferenced: unreferenced_blobs, unowned, findings } = counts;
        let unowned = unowned.into_iter().map(|id| id.0).collect();
        DoneItem { rows, accounts, blobs, blob_octets, unreferenced_blobs, unowned, findings }
    }
}

/// Looks at everything and at what lies aside in `data`; `told` says whether to go on.
///
/// # Errors
/// When the store cannot be read for another reason than damage.
pub fn all(
    (store, blobs): (&dyn Store, &dyn Blobs),
    data: &Path,
    told: &mut dyn FnMut(CheckItem) -> bool,
) -> Result<DoneItem, ReadError> {
    let lost = lost(data).map_err(|error| ReadError::Unavailable(error.to_string()))?;
    let more = lost.len() as u64;
    for finding in lost {
        told(Step::Found(finding).into());
    }
    let mut steps = 0_u64;
    let counts = upkeep::check(store, blobs, &mut |step| {
        steps += 1;
        // Every account and blob is a step: few of them are worth a line.
        let quiet = matches!(step, Step::At(stage, ..) if stage != Stage::Rows) && !steps.is_multiple_of(STEPS_EVERY);
        quiet || told(step.into())
    })?;
    let mut done = DoneItem::from(counts);
    done.findings += more;
    Ok(done)
}

/// What the start of this or an earlier process found, and nobody has dealt with.
fn lost(data: &Path) -> std::io::Result<Vec<Finding>> {
    let found = |aside: Aside| {
        let wrong = match aside.kind {
            AsideKind::Torn => return None,
            AsideKind::Lost => {
                "changes at the journal's end were damaged and are kept in this file; some may have been acknowledged"
            }
            AsideKind::Damaged => {
                "a journal with damaged changes in it, which were acknowledged; what is good of them is in place"
            }
        };
        Some(Finding::new(Kind::Files, aside.file.display().to_string(), wrong))
    };
    Ok(Aside::all(&data.join("store"))?.into_iter().filter_map(found).collect())
}

/// On a thread of its own: it reads everything.
pub async fn answer(office: &Office, to: &mut Exchange) -> Result<(), Fault> {
    let (steps, mut told) = mpsc::unbounded_channel();
    let (store, blobs) = (office.store.clone(), office.post.mailstore.blobs().clone());
    let (data, gone) = (office.data.clone(), Arc::new(AtomicBool::new(false)));
    let _asker = Asker(gone.clone());
    let check = tokio::task::spawn_blocking(move || {
        let mut tell = |item| steps.send(item).is_ok() && !gone.load(Ordering::Relaxed);
        all((&*store, &*blobs), &data, &mut tell)
    });
    tracing::info!(event = "store.check_begun");
    while let Some(item) = told.recv().await {
        to.item(&item).await?;
        if told.is_empty() {
            to.octets(b"").await?; // whoever waits sees how far it is
        }
    }
    let done = check.await.map_err(|_| Trouble::failed(std::io::Error::other("the check has panicked")))?;
    let done = done.map_err(Trouble::failed)?;
    tracing::info!(event = "store.checked", findings = done.findings, rows = done.rows, blobs = done.blobs);
    to.item(&CheckItem::Done(done)).await
}

/// Who asked; when they are gone, nobody wants to know.
struct Asker(Arc<AtomicBool>);

impl Drop for Asker {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
