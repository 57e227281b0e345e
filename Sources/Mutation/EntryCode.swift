/// The instructions that mutants are made of: the kernel's entry code, as far as the crossings execute it.
///
/// Entry code is what the kernel executes with no CALL of its own outstanding: up to the call into C, and from its return. Where the image's
/// symbols mark entry text (Linux, include/asm-generic/sections.h, `__entry_text_start`), what is executed inside it is entry code
/// too, such as the helpers that entry code calls.
import Execution
import KernelImage
import Machine
import Subjects

struct EntryInstruction: Sendable {
  var address: UInt64
  /// The physical address of each of its bytes.
  var places: [UInt64]
  var instruction: Instruction

  var end: UInt64 { address &+ UInt64(instruction.length) }
}

struct EntryCode {
  /// By address.
  private(set) var instructions: [UInt64: EntryInstruction] = [:]
  /// Addresses that something jumps to.
  private(set) var targets: Set<UInt64> = []
  private let marked: Range<UInt64>?

  static func markedText(_ symbols: SymbolTable) -> Range<UInt64>? {
    guard let start = symbols.lookup("__entry_text_start"), let end = symbols.lookup("__entry_text_end"), start < end
    else { return nil }
    return start..<end
  }

  init(_ symbols: SymbolTable) { marked = Self.markedText(symbols) }

  /// How it was found.
  var explanation: String {
    let rule = "what the crossing executes in the kernel with no CALL outstanding"
    return marked == nil ? rule : "\(rule), or between __entry_text_start and __entry_text_end"
  }

  /// Adds what a crossing executes. Returns the addresses.
  mutating func add(_ boundaries: [Boundary], on machine: ReadyMachine) -> Set<UInt64> {
    let processor = machine.computer.processor
    var own: Set<UInt64> = []
    var calls = CallChain()
    var behind: UInt64?
    for boundary in boundaries {
      let state = boundary.state
      guard state.isKernel else {
        behind = nil
        continue
      }
      // The last boundary that stands here was left by an instruction that did not lead on to this one.
      if behind != state.rip { targets.insert(state.rip) }
      calls.arrive(state.rsp)
      guard let one = instruction(at: state.rip, tables: state.cr3, processor) else { continue }
      behind = one.end
      if calls.isEmpty || marked?.contains(state.rip) ?? false {
        instructions[state.rip] = one
        own.insert(state.rip)
      }
      calls.leave(one.instruction, state.rsp)
    }
    return own
  }

  private func instruction(at address: UInt64, tables: UInt64, _ processor: Processor) -> EntryInstruction? {
    if let known = instructions[address] { return known }
    var places: [UInt64] = []
    for i in 0..<UInt64(16) {
      guard let place = processor.physicalAddress(of: address &+ i, tables: tables) else { break }
      places.append(place)
    }
    let bytes = places.prefix(15).compactMap { processor.memory.bytes(at: $0, count: 1)?.first }
    guard let decoded = Instruction(bytes, at: address) else { return nil }
    return EntryInstruction(address: address, places: Array(places.prefix(decoded.length)), instruction: decoded)
  }

  /// Finds what jumps where, in all of the functions that an instruction belongs to.
  mutating func findTargets(_ symbols: SymbolTable, on machine: ReadyMachine, tables: UInt64) {
    let processor = machine.computer.processor
    var seen: Set<UInt64> = []
    for address in instructions.keys.sorted() {
      targets.formUnion(Self.target(of: instructions[address]!.instruction, at: address))
      guard let place = symbols.symbolize(address) else { continue }
      let start = address &- place.offset
      targets.insert(start)
      guard place.size <= Self.largestFunction, seen.insert(start).inserted else { continue }
      guard let code = processor.bytes(atLinear: start, count: Int(place.size), tables: tables) else { continue }
      var at = 0
      while at < code.count {
        guard let one = Instruction(Array(code[at..<min(at + 15, code.count)]), at: start &+ UInt64(at)) else {
          at += 1
          continue
        }
        targets.formUnion(Self.target(of: one, at: start &+ UInt64(at)))
        at += one.length
      }
    }
  }

  private static let largestFunction: UInt64 = 1 << 16

  private static func target(of one: Instruction, at address: UInt64) -> [UInt64] {
    guard let field = one.immediate, field.isRelative else { return [] }
    return [address &+ UInt64(one.length) &+ UInt64(bitPattern: field.value)]
  }
}

/// Which CALLs are outstanding, by where their return addresses lie: a RET takes one back, and so does whatever moves RSP above it on
/// the same stack.
private struct CallChain {
  private var slots: [UInt64] = []
  private static let largestStack: UInt64 = 16384

  var isEmpty: Bool { slots.isEmpty }

  mutating func arrive(_ rsp: UInt64) {
    while let last = slots.last, rsp > last, rsp - last < Self.largestStack { slots.removeLast() }
  }

  mutating func leave(_ one: Instruction, _ rsp: UInt64) {
    if one.flow == .call { slots.append(rsp &- 8) }
    guard one.flow == .away, one.mnemonic.hasPrefix("ret"), let last = slots.last else { return }
    // On another stack than the CALL's nothing better is known.
    if last == rsp || max(last, rsp) - min(last, rsp) >= Self.largestStack { slots.removeLast() }
  }
}
