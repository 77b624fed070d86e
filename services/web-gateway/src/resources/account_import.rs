//! `/accounts/import`: many accounts at once, side by side, so that one fsync
//! serves many of them. Repeating it adds nothing.

use axum::Json;
use axum::extract::State;
use futures_util::{StreamExt, TryStreamExt, stream};
use message::AccountId;
use store::directory::{Account as AccountRecord, DirectoryError, PasswordHash};
use store::mailbox::Quota;

use crate::api::{
    AccountImport, AccountsImported, Credentials, ImportedAccount, Problem, RefusedAccount,
};
use crate::extract::FromBody;
use crate::gateway::Gateway;
use crate::password;
use crate::refusal::Refusal;

/// What no password verifies against.
const NOBODY: &str = "!";

/// Create many accounts
#[utoipa::path(post, path = "/api/v1/accounts/import", tag = "directory",
    request_body = AccountImport,
    responses((status = 200, body = AccountsImported), (status = 400, body = Problem)))]
pub(super) async fn import(
    State(gateway): State<Gateway>,
    FromBody(import): FromBody<AccountImport>,
) -> Result<Json<AccountsImported>, Refusal> {
    let accounts = import.accounts;
    let in_clear =
        |account: &&ImportedAccount| matches!(account.credentials, Some(Credentials::Password(_)));
    if accounts.len() > AccountImport::MOST
        || accounts.iter().filter(in_clear).count() > AccountImport::MOST_IN_CLEAR
    {
        let (most, in_clear) = (AccountImport::MOST, AccountImport::MOST_IN_CLEAR);
        return Err(Refusal::invalid(format_args!(
            "at most {most} accounts at once, {in_clear} of them with passwords in clear"
        )));
    }
    let fates = stream::iter(accounts).map(|account| add(&gateway, account));
    let summary = fates
        .buffer_unordered(AccountImport::MOST)
        .try_fold(AccountsImported::default(), async |mut sum, fate| {
            match fate {
                Fate::Added => sum.added += 1,
                Fate::Present => sum.present += 1,
                Fate::Refused(refused) => sum.refused.push(refused),
            }
            Ok(sum)
        })
        .await?;
    let AccountsImported { added, present, .. } = summary;
    tracing::info!(
        added,
        present,
        refused = summary.refused.len(),
        "accounts imported"
    );
    Ok(Json(summary))
}

enum Fate {
    Added,
    Present,
    Refused(RefusedAccount),
}

async fn add(gateway: &Gateway, account: ImportedAccount) -> Result<Fate, Refusal> {
    let address = account.address.folded();
    let directory = &gateway.ports.directory;
    if directory.account_at(&address).await?.is_some() {
        return Ok(Fate::Present);
    }
    let refused = |reason: String| {
        let address = address.clone();
        Ok(Fate::Refused(RefusedAccount { address, reason }))
    };
    let password = match account.credentials {
        None => PasswordHash::new(NOBODY.to_owned()),
        Some(Credentials::Hash(hash)) => match password::taken_over(&hash) {
            Ok(hash) => hash,
            Err(unfit) => return refused(unfit.to_string()),
        },
        Some(Credentials::Password(clear)) => match gateway.hasher.hash(clear).await {
            Ok(hash) => hash,
            Err(refusal) => return refused(refusal.detail().to_owned()),
        },
    };
    let record = AccountRecord {
        id: AccountId::draw(gateway.ports.random.as_ref()),
        address: address.clone(),
        password,
        quota: Quota {
            octets: account.quota,
            messages: account.message_quota,
        },
    };
    match directory.add_account(record).await {
        Ok(()) => Ok(Fate::Added),
        Err(DirectoryError::Store(error)) => Err(error.into()),
        Err(
            error @ (DirectoryError::Exists(_)
            | DirectoryError::Missing(_)
            | DirectoryError::InUse(_)),
        ) => refused(error.to_string()),
    }
}
