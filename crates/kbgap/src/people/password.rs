//! Where a person's new password comes from.

use std::io::{self, BufRead, IsTerminal};

use anyhow::{Context, bail};
use clap::Args;
use kbgap_identity::Password;

/// Where a new password comes from, and whether it must be changed.
#[derive(Debug, Args)]
pub(super) struct PasswordArgs {
    /// Read the password from standard input, one line, instead of asking for it
    #[arg(long, conflicts_with = "generate")]
    password_stdin: bool,
    /// Make a password at random and show it once; so it is also where there is no terminal to ask at
    #[arg(long)]
    generate: bool,
    /// Do not ask for another password at the first sign-in; one typed at the terminal counts at once anyway
    #[arg(long = "final")]
    is_final: bool,
}

/// A new password.
pub(super) struct NewPassword {
    pub(super) password: Password,
    /// It was made here, and must be shown.
    pub(super) generated: bool,
    pub(super) must_change: bool,
}

impl PasswordArgs {
    /// Gets a password for a person.
    pub(super) fn get(&self, name: &str) -> anyhow::Result<NewPassword> {
        let typed = |text: String| {
            Password::new(text, name).context("the password cannot be taken; choose another one")
        };
        if self.password_stdin {
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line)?;
            let line = line.trim_end_matches(['\r', '\n']).to_owned();
            return Ok(NewPassword {
                password: typed(line)?,
                generated: false,
                must_change: !self.is_final,
            });
        }
        if self.generate || !io::stdin().is_terminal() {
            return Ok(NewPassword {
                password: Password::generate()?,
                generated: true,
                must_change: !self.is_final,
            });
        }
        let password = rpassword::prompt_password(format!("Password for {name}: "))?;
        if password != rpassword::prompt_password("The same again: ")? {
            bail!("the password was not typed the same way twice");
        }
        Ok(NewPassword {
            password: typed(password)?,
            generated: false,
            must_change: false,
        })
    }
}
