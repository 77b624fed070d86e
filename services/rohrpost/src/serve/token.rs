//! The administrator's token: drawn on the first start, kept where the command
//! line finds it.

use std::fs;
use std::path::Path;

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
    read(&path)
}

fn read(path: &Path) -> Result<Token, Failure> {
    let text = fs::read_to_string(path).map_err(file("read", path))?;
    text.trim().parse().map_err(|error| Failure::Token {
        reason: format!("{} holds no token: {error}", path.display()),
    })
}
