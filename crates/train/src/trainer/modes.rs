//! The modes of a model's modules, to be put back.

use flambeau_nn::{Module, Training, Visitor};

/// Puts each module's mode back when dropped, by a panic too.
pub(super) struct Modes<'a>(Vec<(&'a Training, bool)>);

impl<'a> Modes<'a> {
    pub(super) fn of(model: &'a dyn Module) -> Self {
        let mut modes = Modes(vec![]);
        for (_, module) in model.named_modules() {
            module.visit(&mut modes);
        }
        modes
    }
}

impl<'a> Visitor<'a> for Modes<'a> {
    fn training(&mut self, training: &'a Training) {
        self.0.push((training, training.get()));
    }
}

impl Drop for Modes<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|(training, mode)| training.set(*mode));
    }
}
