//! The first half of `postamt store repair`, where the engine does not open a store or cannot read all of it: a new one is made
//! of what is whole.

use crate::cli::text::size;
use crate::language::{Text, both, of_error};
use std::path::Path;
use store::ReadError;
use store_local::{Lost, LostKind, OpenError, Options, Remedy, Salvaged, integrity};
use upkeep::RepairError;

/// Writes anew which engine made the store, if that cannot be read; what was done.
pub fn format(store: &Path, dry: bool) -> Result<Option<Text>, OpenError> {
    let mended = store_local::mend_format(store, dry)?;
    Ok(mended
        .then(|| both!("FORMAT: made anew from the files beside it", "FORMAT: aus den Dateien daneben neu angelegt")))
}

/// Why a new store has to be made: files are not as they were written.
pub fn needed(store: &Path) -> Result<Option<Text>, OpenError> {
    Ok(integrity(store)?.map(Text::same))
}

/// The same, by what opening or reading it said.
pub fn needed_after(error: &anyhow::Error) -> Option<Text> {
    let damaged = matches!(error.downcast_ref(), Some(OpenError::Damaged { remedy: Remedy::Repair, .. }))
        || matches!(error.downcast_ref(), Some(RepairError::Read(ReadError::Damaged(_))));
    damaged.then(|| of_error(error))
}

/// Makes it, and says what is done.
pub fn run(store: &Path, why: &Text, dry: bool, say: &mut dyn FnMut(&Text)) -> Result<Salvaged, OpenError> {
    say(&both!(
        "the store's files: damaged ({why}); what is whole is taken into a new store",
        "die Dateien des Speichers: beschädigt ({why}); was heil ist, kommt in einen neuen Speicher",
        why = *why
    ));
    let salvaged = store_local::salvage(store, &Options::default(), dry, &mut |lost| say(&of_loss(lost)))?;
    let Salvaged { rows, octets, lost, lost_octets, .. } = &salvaged;
    let (kept, gone) = (size(*octets), size(*lost_octets));
    say(&match dry {
        false => both!(
            "{rows} rows ({kept}) were kept; {lost} parts of files ({gone}) are lost",
            "{rows} Datensätze ({kept}) wurden gerettet; {lost} Teile von Dateien ({gone}) sind verloren"
        ),
        true => both!(
            "{rows} rows ({kept}) would be kept; {lost} parts of files ({gone}) are lost. Whose mail that is can be told once it is done",
            "{rows} Datensätze ({kept}) würden gerettet; {lost} Teile von Dateien ({gone}) sind verloren. Wessen Mail das ist, zeigt sich danach"
        ),
    });
    Ok(salvaged)
}

fn of_loss(lost: &Lost) -> Text {
    let (file, from, to) = (lost.file.display(), lost.at.start, lost.at.end);
    match lost.kind {
        LostKind::Rows => {
            both!("{file}, octets {from} to {to}: rows are lost", "{file}, Byte {from} bis {to}: Datensätze verloren")
        }
        LostKind::Changes => {
            both!(
                "{file}, octets {from} to {to}: changes are lost",
                "{file}, Byte {from} bis {to}: Änderungen verloren"
            )
        }
        LostKind::Table => both!("{file} is missing: its rows are lost", "{file} fehlt: Datensätze darin verloren"),
        LostKind::List => both!(
            "{file}: which tables are in use is not known; all are taken, so something that was deleted may come back",
            "{file}: Welche Tabellen gelten, ist nicht bekannt; alle werden genommen, Gelöschtes kann wiederkommen"
        ),
    }
}
