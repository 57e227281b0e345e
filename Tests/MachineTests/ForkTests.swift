import Machine
import Testing

/// Goal: whatever order forks are opened, written in, gone back to and closed in, memory is what a copy of all of it would be, and
/// says what was written.
struct ForkTests {
  /// A guest's memory as whole copies: slow and plainly right.
  private struct Model {
    var now: [UInt64]
    var forks: [[UInt64]] = []
    var written: [Set<Int>] = []

    mutating func write(_ value: UInt64, page: Int) {
      now[page] = value
      if !written.isEmpty { written[written.count - 1].insert(page) }
    }
    mutating func restore() {
      now = forks[forks.count - 1]
      written[written.count - 1] = []
    }
    mutating func drop() {
      forks.removeLast()
      let inner = written.removeLast()
      if !written.isEmpty { written[written.count - 1].formUnion(inner) }
    }
  }

  // More pages than a fork keeps copies of.
  private static let pages = 700

  private static func place(_ page: Int) -> UInt64 { UInt64(page * PhysicalMemory.pageSize + page % 500 * 8) }

  private func expectEqual(_ memory: PhysicalMemory, _ model: Model, _ when: String) {
    for page in 0..<Self.pages {
      let word = memory[word: Self.place(page) / 8]
      if word != model.now[page] {
        Issue.record("\(when): page \(page) holds \(word), not \(model.now[page])")
        return
      }
    }
    guard let fork = model.forks.last, let written = model.written.last else { return }
    #expect(memory.dirtyPages == written.sorted() && memory.dirtyPageCount == written.count, "\(when)")
    var changed: [UInt64: [UInt64]] = [:]
    _ = memory.forEachChangedWord { word, before, after in
      changed[word] = [before, after]
      return true
    }
    var expected: [UInt64: [UInt64]] = [:]
    for page in 0..<Self.pages where fork[page] != model.now[page] {
      expected[Self.place(page) / 8] = [fork[page], model.now[page]]
    }
    #expect(changed == expected, "\(when)")
    for page in stride(from: 0, to: Self.pages, by: 37) {
      #expect(memory.wordAtFork(Self.place(page) / 8) == fork[page], "\(when)")
      #expect(memory.isWritten(page: page, sinceFork: model.forks.count) == written.contains(page), "\(when)")
    }
  }

  @Test(arguments: 1...8) func anyOrder(seed: UInt64) throws {
    var random = seed &* 0x9E37_79B9_7F4A_7C15
    func next(_ bound: Int) -> Int {
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(random >> 33) % bound
    }
    let memory = try #require(PhysicalMemory(size: Self.pages * PhysicalMemory.pageSize))
    let processor = Processor(memory: memory, profile: .intel)
    var model = Model(now: [UInt64](repeating: 0, count: Self.pages))
    for round in 0..<400 {
      let what = next(8)
      switch what {
      case 0 where model.forks.count < 4:
        processor.fork()
        model.forks.append(model.now)
        model.written.append([])
      case 1, 2, 3:
        guard !model.forks.isEmpty else { break }
        processor.restore()
        model.restore()
      case 4:
        guard !model.forks.isEmpty else { break }
        processor.drop()
        model.drop()
      default:
        // A few pages again and again, and sometimes nearly all.
        let range = next(10) == 0 ? Self.pages : 12
        for _ in 0..<(range == 12 ? 6 : 900) {
          let (page, value) = (next(range), UInt64(next(1 << 30)))
          processor.writePhysical(withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) }, at: Self.place(page))
          model.write(value, page: page)
        }
      }
      expectEqual(memory, model, "seed \(seed), round \(round)")
    }
  }
}
