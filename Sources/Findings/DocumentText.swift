import Foundation

/// The text of every JSON document Limen writes: sorted names, two spaces, one final line feed, so that equal values are
/// equal bytes.
public func documentText(_ value: some Encodable) -> String { text(of: value, .prettyPrinted) + "\n" }

/// The same on one line, without the line feed.
public func documentLine(_ value: some Encodable) -> String { text(of: value, []) }

private func text(of value: some Encodable, _ more: JSONEncoder.OutputFormatting) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = more.union([.sortedKeys, .withoutEscapingSlashes])
  do {
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  } catch {
    preconditionFailure("a document holds only strings, integers and booleans, which always encode: \(error)")
  }
}
