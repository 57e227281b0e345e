/// A word as a POSIX shell takes it back unchanged (Shell Command Language, "Quoting"), for the command lines that a report prints.
///
/// A relative path that begins with a hyphen begins with `./` instead, so that no program takes it for an option.
public func shellQuoted(_ word: String) -> String {
  let word = word.hasPrefix("-") ? "./\(word)" : word
  let plain = word.utf8.allSatisfy { byte in
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: "/.-_:,+@%=".utf8.contains(byte)
    }
  }
  if plain && !word.isEmpty { return word }
  return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
}
