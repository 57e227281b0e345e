import Foundation

/// The text of every JSON document Limen writes: sorted names, two spaces, one final line feed, so that equal values are
/// equal bytes.
public func documentText(_ value: some Encodable) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  do {
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  } catch {
    preconditionFailure("a document holds only strings, integers and booleans, which always encode: \(error)")
  }
}
