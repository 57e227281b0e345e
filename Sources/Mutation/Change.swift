/// One small mistake in code: bytes that stand in place of as many others. It covers one instruction, or two neighbours of which nothing
/// jumps to the second.
import Explorer
import Findings
import Machine

struct Change: Sendable {
  var mutation: MutationOperator
  /// The instructions as they are, one behind the other.
  var before: [EntryInstruction]
  var bytes: [UInt8]

  var address: UInt64 { before[0].address }
  private var old: [UInt8] { before.flatMap(\.instruction.bytes) }

  init(_ mutation: MutationOperator, _ before: [EntryInstruction], _ bytes: [UInt8]) {
    precondition(bytes.count == before.reduce(0) { $0 + $1.instruction.length }, "a change moves no code")
    self.mutation = mutation
    self.before = before
    self.bytes = bytes
  }

  /// The instructions as the change has them; nil where its bytes are none.
  var after: [Instruction]? {
    var found: [Instruction] = []
    var at = 0
    while at < bytes.count {
      guard let one = Instruction(Array(bytes[at...]), at: address &+ UInt64(at)) else { return nil }
      found.append(one)
      at += one.length
    }
    return found
  }

  /// Addresses at which only one of the two has an instruction, or at which the two have done different parts of the same.
  var inside: Set<UInt64> {
    func starts(_ lengths: [Int]) -> [UInt64] {
      lengths.dropLast().reduce(into: []) { $0.append(($0.last ?? address) &+ UInt64($1)) }
    }
    return Set(starts(before.map(\.instruction.length)) + starts(after?.map(\.length) ?? []))
  }

  /// What of it is written where: a piece for each page.
  var edits: [CodeEdit] {
    var edits: [CodeEdit] = []
    for (place, byte) in zip(before.flatMap(\.places), bytes) {
      if let last = edits.indices.last, edits[last].place &+ UInt64(edits[last].bytes.count) == place {
        edits[last].bytes.append(byte)
      } else {
        edits.append(CodeEdit(place: place, bytes: [byte]))
      }
    }
    return edits
  }

  /// It is a change at all, and its bytes are instructions.
  var isOne: Bool { bytes != old && after != nil }

  func mutant(_ number: Int, at location: (UInt64) -> Location) -> Mutant {
    var at = address
    var lines: [MutantLine] = []
    for one in after ?? [] {
      lines.append(MutantLine(location: location(at), instruction: one.text))
      at &+= UInt64(one.length)
    }
    return Mutant(
      number: number, mutation: mutation, location: location(address),
      before: before.map { MutantLine(location: location($0.address), instruction: $0.instruction.text) },
      after: lines)
  }
}

/// Instructions that do nothing: one of each length, as SDM vol. 2B, "NOP", recommends them.
enum NoOperation {
  private static let forms: [[UInt8]] = [
    [0x90], [0x66, 0x90], [0x0F, 0x1F, 0x00], [0x0F, 0x1F, 0x40, 0x00], [0x0F, 0x1F, 0x44, 0x00, 0x00],
    [0x66, 0x0F, 0x1F, 0x44, 0x00, 0x00], [0x0F, 0x1F, 0x80, 0, 0, 0, 0], [0x0F, 0x1F, 0x84, 0x00, 0, 0, 0, 0],
    [0x66, 0x0F, 0x1F, 0x84, 0x00, 0, 0, 0, 0],
  ]

  /// One instruction of so many bytes, 1 to 15; longer than the longest form it has more prefixes of the same kind.
  static func bytes(_ count: Int) -> [UInt8] {
    if count <= forms.count { return forms[count - 1] }
    return Array(repeating: 0x66, count: count - forms.count) + forms[forms.count - 1]
  }
}
