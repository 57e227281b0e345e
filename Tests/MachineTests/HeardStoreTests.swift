import Machine
import Testing

/// Goal: a store to the byte that somebody listens to ends a run at the boundary behind it, wherever in a block it stands, and no other store does.
@Suite struct HeardStoreTests {
  private static let start = FREDMachine.code + 0x400
  /// Where the stores go.
  private static let place = FREDMachine.stack - 0x400

  /// Twenty instructions of one byte, `store`, and twenty more; a run of as many as there are.
  private func run(_ store: [UInt8], heard: UInt64?) throws -> (stoppedAt: UInt64, heard: UInt64?) {
    let processor = try FREDMachine(.intel, isOn: false).processor
    let pause = [UInt8](repeating: 0x90, count: 20)
    processor.writePhysical(pause + store + pause, at: Self.start)
    processor[.rax] = Self.place
    processor.rip = Self.start
    processor.clearTransitions()
    processor.heardByte = heard
    _ = processor.run(41)
    return (processor.rip, processor.takeHeardStore())
  }

  /// Stores, and how many bytes they write from `place` on: MOV of 8, 16, 32 and 64 bits, INC, PUSH by way of RSP.
  static let stores: [(bytes: [UInt8], size: UInt64)] = [
    ([0xC6, 0x00, 0], 1), ([0x66, 0xC7, 0x00, 0, 0], 2), ([0xC7, 0x00, 0, 0, 0, 0], 4),
    ([0x48, 0xC7, 0x00, 0, 0, 0, 0], 8), ([0xFE, 0x00], 1), ([0x48, 0xFF, 0x00], 8), ([0xF0, 0x80, 0x20, 0], 1),
  ]

  @Test(arguments: stores) func aStoreToItEndsTheRun(store: (bytes: [UInt8], size: UInt64)) throws {
    for offset in 0..<store.size {
      let end = try run(store.bytes, heard: Self.place + offset)
      #expect(end.stoppedAt == Self.start + 20 + UInt64(store.bytes.count))
      #expect(end.heard == Self.start + 20)
    }
  }

  @Test(arguments: stores) func oneBesideItDoesNot(store: (bytes: [UInt8], size: UInt64)) throws {
    for place in [Self.place - 1, Self.place + store.size, nil] {
      let end = try run(store.bytes, heard: place)
      #expect(end.stoppedAt == Self.start + 40 + UInt64(store.bytes.count))
      #expect(end.heard == nil)
    }
  }

  /// A page whose translation is cached already, and is not any more when nobody listens.
  @Test func itIsHeardFromWhenSomebodyListens() throws {
    let processor = try FREDMachine(.intel, isOn: false).processor
    processor.writePhysical([0xC6, 0x00, 0, 0xC6, 0x00, 0, 0xC6, 0x00, 0], at: Self.start)
    processor[.rax] = Self.place
    processor.rip = Self.start
    for heard in [nil, Self.place, nil] {
      processor.heardByte = heard
      _ = processor.run(1)
      #expect((processor.takeHeardStore() != nil) == (heard != nil))
      processor.clearTransitions()
    }
  }
}
