//! The first stack of a program: arguments, environment, auxiliary vector (System V ABI for AMD64, 3.4.1; getauxval(3)).

/// An entry of the auxiliary vector.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Aux {
    Value(usize, usize),
    /// The address of 16 random bytes.
    Random(usize, [u8; 16]),
    /// The address of a text.
    Text(usize, &'static str),
    /// The address of the program's path.
    Path(usize),
}

/// What the first stack holds.
pub struct StackPlan<'a> {
    pub arguments: &'a [Vec<u8>],
    pub environment: &'a [Vec<u8>],
    pub path: &'a [u8],
    pub aux: &'a [Aux],
}

/// The bytes of the first stack.
pub struct FirstStack {
    pub bytes: Vec<u8>,
    /// Where the bytes begin, which is RSP.
    pub start: usize,
    /// Addresses of the texts: arguments from the first to the second, environment from there to the third.
    pub texts: [usize; 3],
    /// Address and size of the auxiliary vector.
    pub aux: (usize, usize),
}

/// Builds the stack that ends at `top`.
pub fn first_stack(plan: &StackPlan, top: usize) -> FirstStack {
    let texts = |list: &[Vec<u8>]| list.iter().map(|text| text.len() + 1).sum::<usize>();
    let (arguments, environment) = (texts(plan.arguments), texts(plan.environment));
    let fixed: usize = plan.aux.iter().map(|aux| if let Aux::Text(_, text) = aux { text.len() + 1 } else { 0 }).sum();
    // From the top: 8 zero bytes, the path, environment, arguments, short texts, random bytes; then the words.
    let path_at = top - 8 - plan.path.len() - 1;
    let environment_at = path_at - environment;
    let arguments_at = environment_at - arguments;
    let fixed_at = arguments_at - fixed;
    let random_at = (fixed_at - 16) & !15;
    let words = 1 + plan.arguments.len() + 1 + plan.environment.len() + 1 + 2 * (plan.aux.len() + 1);
    let start = (random_at - words * 8) & !15;
    let mut bytes = vec![0; top - start];
    let mut out = Vec::with_capacity(words);
    let mut put = |at: usize, text: &[u8]| bytes[at - start..at - start + text.len()].copy_from_slice(text);
    let mut pointers = |out: &mut Vec<usize>, list: &[Vec<u8>], mut at: usize| {
        for text in list {
            put(at, text);
            out.push(at);
            at += text.len() + 1;
        }
        out.push(0);
    };
    out.push(plan.arguments.len());
    pointers(&mut out, plan.arguments, arguments_at);
    pointers(&mut out, plan.environment, environment_at);
    put(path_at, plan.path);
    let aux_index = out.len();
    let mut text_at = fixed_at;
    for aux in plan.aux {
        let (kind, value) = match *aux {
            Aux::Value(kind, value) => (kind, value),
            Aux::Path(kind) => (kind, path_at),
            Aux::Random(kind, random) => {
                put(random_at, &random);
                (kind, random_at)
            }
            Aux::Text(kind, text) => {
                put(text_at, text.as_bytes());
                text_at += text.len() + 1;
                (kind, text_at - text.len() - 1)
            }
        };
        out.extend([kind, value]);
    }
    out.extend([0, 0]);
    for (word, room) in out.iter().zip(bytes.chunks_exact_mut(8)) {
        room.copy_from_slice(&word.to_le_bytes());
    }
    FirstStack { bytes, start, texts: [arguments_at, environment_at, path_at], aux: (start + aux_index * 8, (out.len() - aux_index) * 8) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_the_abi_says() {
        let plan = StackPlan {
            arguments: &[b"a".to_vec(), b"bc".to_vec()],
            environment: &[b"X=1".to_vec()],
            path: b"/bin/a",
            aux: &[Aux::Value(6, 4096), Aux::Path(31), Aux::Text(15, "x86_64"), Aux::Random(25, [7; 16])],
        };
        let stack = first_stack(&plan, 0x10000);
        let word = |index: usize| usize::from_le_bytes(stack.bytes[index * 8..index * 8 + 8].try_into().unwrap());
        let text = |at: usize| stack.bytes[at - stack.start..].split(|&c| c == 0).next().unwrap().to_vec();
        assert_eq!(stack.start % 16, 0);
        assert_eq!(stack.start + stack.bytes.len(), 0x10000);
        assert_eq!((word(0), word(3), word(5)), (2, 0, 0));
        assert_eq!((text(word(1)), text(word(2)), text(word(4))), (b"a".to_vec(), b"bc".to_vec(), b"X=1".to_vec()));
        assert_eq!((word(6), word(7), word(8)), (6, 4096, 31));
        assert_eq!((text(word(9)), text(word(11))), (b"/bin/a".to_vec(), b"x86_64".to_vec()));
        assert_eq!(stack.bytes[word(13) - stack.start..][..16], [7; 16]);
        assert_eq!((word(14), word(15)), (0, 0));
        assert_eq!(stack.texts, [word(1), word(4), word(9)]);
    }
}
