//! The resources of the admin API, a file for each, and the API's description.

mod account_import;
mod accounts;
mod aliases;
mod check;
mod dead;
mod domains;
mod mailboxes;
mod message_import;
mod messages;
mod queue;
mod recovery;
mod report;

use axum::Router;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Description;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::gateway::Gateway;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Rohrpost admin API",
        description = "Domains, accounts, aliases, mailboxes, the queue, and the life of every \
            message. Every request carries the administrator's token. Lists come in pages: pass \
            `next` of one page as `after` for the next. Errors are `application/problem+json` \
            (RFC 9457).",
        version = "1",
    ),
    security(("token" = [])),
    tags(
        (name = "directory", description = "Who gets mail here"),
        (name = "mailboxes", description = "What accounts have received"),
        (name = "queue", description = "What is not settled yet"),
        (name = "messages", description = "What became of a message"),
        (name = "system", description = "Counts and integrity"),
    ),
)]
struct Skeleton;

/// All resources, not yet guarded, and their description.
pub(crate) fn resources() -> (Router<Gateway>, Description) {
    let (router, mut description) = OpenApiRouter::with_openapi(Skeleton::openapi())
        .routes(routes!(domains::list, domains::add))
        .routes(routes!(domains::show, domains::change, domains::remove))
        .routes(routes!(domains::dns_records))
        .routes(routes!(accounts::list, accounts::add))
        .routes(routes!(account_import::import))
        .routes(routes!(accounts::show, accounts::remove))
        .routes(routes!(accounts::set_password))
        .routes(routes!(accounts::set_quota))
        .routes(routes!(aliases::list, aliases::add))
        .routes(routes!(aliases::show, aliases::remove))
        .routes(routes!(mailboxes::list, message_import::make))
        .routes(routes!(mailboxes::messages, message_import::put))
        .routes(routes!(mailboxes::message))
        .routes(routes!(mailboxes::raw))
        .routes(routes!(queue::list))
        .routes(routes!(queue::sweep::sweep))
        .routes(routes!(queue::load::load))
        .routes(routes!(queue::explanation::why))
        .routes(routes!(queue::show, queue::intervention::delete))
        .routes(routes!(queue::intervention::retry))
        .routes(routes!(queue::intervention::hold))
        .routes(routes!(queue::intervention::release))
        .routes(routes!(queue::intervention::redirect))
        .routes(routes!(queue::intervention::bounce))
        .routes(routes!(queue::destinations))
        .routes(routes!(dead::list))
        .routes(routes!(dead::show, dead::settle))
        .routes(routes!(dead::give_back))
        .routes(routes!(messages::show))
        .routes(routes!(messages::counts))
        .routes(routes!(check::check))
        .routes(routes!(recovery::standing))
        .routes(routes!(recovery::raise))
        .routes(routes!(recovery::confirm))
        .routes(routes!(recovery::lost))
        .routes(routes!(recovery::recover))
        .split_for_parts();
    let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components = description.components.get_or_insert_default();
    components.add_security_scheme("token", token);
    (router, description)
}
