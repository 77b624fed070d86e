//! The administrator's token: drawn on the first start, kept where the command
//! line finds it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use config::Config;
use message::Randomness;
use station::SystemRandomness;
use web_gateway::Token;

use super::data::{file, write_private};
use crate::Failure;

/// The token in the configured file; drawn where there is no such file.
pub(super) fn provide(config: &Config) -> Result<Token, Failure> {
    let path = config.token_file();
    if !path.try_exists().map_err(file("look for", &path))? {
        let mut octets = [0; 32];
        SystemRandomness.fill(&mut octets);
        write_private(
            &path,
            format!("{}\n", URL_SAFE_NO_PAD.encode(octets)).as_bytes(),
        )?;
    }
    Token::read(&path).map_err(|error| Failure::Token {
        reason: error.to_string(),
    })
}
