import BareMetal
import Testing

/// Goal: the 8259A pair follows the rules of Intel's data sheet: nesting, ends of interrupt, rotation, special modes,
/// edge and level, spurious requests, and the cascade of a PC.
@Suite struct Intel8259PairTests {
  /// A pair as Linux initialises it: vectors 0x20 and 0x28, slave on IR2, everything unmasked.
  func started(masterWord4: UInt8 = 0x01, slaveWord4: UInt8 = 0x01) -> Intel8259Pair {
    var pair = Intel8259Pair()
    for (port, value) in [
      (0x20, 0x11), (0x21, 0x20), (0x21, 0x04), (0x21, Int(masterWord4)),
      (0xA0, 0x11), (0xA1, 0x28), (0xA1, 0x02), (0xA1, Int(slaveWord4)),
    ] {
      pair.write(UInt16(port), UInt8(value))
    }
    return pair
  }

  func inService(_ pair: inout Intel8259Pair, _ port: UInt16) -> UInt8 {
    pair.write(port, 0x0B)
    return pair.read(port)
  }

  func requests(_ pair: inout Intel8259Pair, _ port: UInt16) -> UInt8 {
    pair.write(port, 0x0A)
    return pair.read(port)
  }

  @Test(arguments: Array(0..<16).filter { $0 != 2 })
  func eachLineHasItsVector(irq: Int) {
    var pair = started()
    #expect(!pair.outputAsserted)
    pair.setLine(irq, true)
    #expect(pair.outputAsserted)
    #expect(pair.acknowledge() == 0x20 + UInt8(irq))
    #expect(!pair.outputAsserted)
  }

  @Test func initializationWithoutWord3AndWord4() {
    var pair = Intel8259Pair()
    // ICW1 with SNGL and without IC4: ICW2 ends the sequence and the next write is the mask.
    pair.write(0x20, 0x12)
    pair.write(0x21, 0x47)
    pair.write(0x21, 0xF0)
    #expect(pair.read(0x21) == 0xF0)
    pair.setLine(3, true)
    // Only ICW2's upper five bits count.
    #expect(pair.acknowledge() == 0x43)
  }

  @Test func word1ClearsMaskAndEdges() {
    var pair = started()
    pair.write(0x21, 0xFF)
    pair.setLine(3, true)
    #expect(requests(&pair, 0x20) == 0x08)
    for value: UInt8 in [0x20, 0x04, 0x01] {
      if value == 0x20 { pair.write(0x20, 0x11) }
      pair.write(0x21, value)
    }
    #expect(pair.read(0x21) == 0)
    // The line is still high, and a high line is no edge.
    #expect(!pair.outputAsserted)
    pair.setLine(3, false)
    pair.setLine(3, true)
    #expect(pair.outputAsserted)
  }

  @Test func fullyNestedMode() {
    var pair = started()
    pair.setLine(5, true)
    pair.setLine(3, true)
    #expect(pair.acknowledge() == 0x23)
    // 5 is lower than the one in service; 1 is higher.
    #expect(!pair.outputAsserted)
    pair.setLine(1, true)
    #expect(pair.acknowledge() == 0x21)
    #expect(inService(&pair, 0x20) == 0b1010)
    // A non-specific end takes the highest first.
    pair.write(0x20, 0x20)
    #expect(inService(&pair, 0x20) == 0b1000)
    #expect(!pair.outputAsserted)
    pair.write(0x20, 0x20)
    #expect(pair.acknowledge() == 0x25)
  }

  @Test func specificEndOfInterrupt() {
    var pair = started()
    pair.setLine(6, true)
    _ = pair.acknowledge()
    pair.setLine(4, true)
    _ = pair.acknowledge()
    pair.write(0x20, 0x66)
    #expect(inService(&pair, 0x20) == 0x10)
  }

  @Test func maskedEdgeIsRemembered() {
    var pair = started()
    pair.write(0x21, 0x10)
    pair.setLine(4, true)
    #expect(!pair.outputAsserted)
    pair.write(0x21, 0x00)
    #expect(pair.acknowledge() == 0x24)
  }

  @Test func aHeldEdgeAsksOnce() {
    var pair = started()
    pair.setLine(4, true)
    _ = pair.acknowledge()
    pair.write(0x20, 0x20)
    #expect(!pair.outputAsserted)
    pair.setLine(4, true)
    #expect(!pair.outputAsserted)
    pair.setLine(4, false)
    #expect(!pair.outputAsserted)
    pair.setLine(4, true)
    #expect(pair.outputAsserted)
  }

  @Test func aHeldLevelAsksAgain() {
    var pair = started()
    pair.write(0x4D0, 0x20)
    pair.write(0x4D1, 0x04)
    for irq in [5, 10] {
      pair.setLine(irq, true)
      #expect(pair.acknowledge() == 0x20 + UInt8(irq))
      pair.write(0xA0, 0x20)
      pair.write(0x20, 0x20)
      #expect(pair.outputAsserted)
      pair.setLine(irq, false)
      #expect(!pair.outputAsserted)
    }
  }

  @Test func edgeLevelControlKeepsTheISALinesAtEdge() {
    var pair = started()
    pair.write(0x4D0, 0xFF)
    pair.write(0x4D1, 0xFF)
    // PIIX4: IRQ0, 1, 2, 8 and 13 are always edge-triggered.
    #expect(pair.read(0x4D0) == 0xF8)
    #expect(pair.read(0x4D1) == 0xDE)
  }

  @Test func aRequestThatGoesAwayIsSpuriousIR7() {
    var pair = started()
    pair.setLine(5, true)
    pair.setLine(5, false)
    #expect(!pair.outputAsserted)
    #expect(pair.acknowledge() == 0x27)
    // The default IR7 sets no ISR bit, which is how a handler knows it.
    #expect(inService(&pair, 0x20) == 0)
    pair.setLine(7, true)
    #expect(pair.acknowledge() == 0x27)
    #expect(inService(&pair, 0x20) == 0x80)
  }

  @Test func slaveRequestsRankAsTheMastersIR2() {
    var pair = started()
    pair.setLine(3, true)
    pair.setLine(15, true)
    pair.setLine(8, true)
    #expect(pair.acknowledge() == 0x28)
    #expect(inService(&pair, 0x20) == 0x04)
    #expect(inService(&pair, 0xA0) == 0x01)
    pair.write(0xA0, 0x20)
    // The slave asks again for 15, but the master still serves its IR2.
    #expect(!pair.outputAsserted)
    pair.write(0x20, 0x20)
    #expect(pair.acknowledge() == 0x2F)
    pair.write(0xA0, 0x20)
    pair.write(0x20, 0x20)
    #expect(pair.acknowledge() == 0x23)
  }

  @Test func aSlaveThatEndsByItselfStillMakesAnEdgeForEachRequest() {
    var pair = started(slaveWord4: 0x03)
    pair.setLine(8, true)
    pair.setLine(9, true)
    #expect(pair.acknowledge() == 0x28)
    pair.write(0x20, 0x20)
    #expect(pair.acknowledge() == 0x29)
    pair.write(0x20, 0x20)
    #expect(!pair.outputAsserted)
  }

  @Test(arguments: [false, true])
  func specialFullyNestedMode(special: Bool) {
    var pair = started(masterWord4: special ? 0x11 : 0x01)
    pair.setLine(12, true)
    #expect(pair.acknowledge() == 0x2C)
    pair.setLine(9, true)
    // A higher request of the same slave gets through only in special fully nested mode.
    #expect(pair.outputAsserted == special)
    if special { #expect(pair.acknowledge() == 0x29) }
  }

  @Test func automaticEndLeavesNothingInService() {
    var pair = started(masterWord4: 0x03)
    pair.setLine(4, true)
    #expect(pair.acknowledge() == 0x24)
    #expect(inService(&pair, 0x20) == 0)
    pair.setLine(6, true)
    #expect(pair.acknowledge() == 0x26)
  }

  @Test func rotationInAutomaticEndMode() {
    var pair = started(masterWord4: 0x03)
    pair.write(0x20, 0x80)
    pair.setLine(4, true)
    #expect(pair.acknowledge() == 0x24)
    // 4 is now the lowest, so 5 is the highest.
    pair.setLine(3, true)
    pair.setLine(6, true)
    #expect(pair.acknowledge() == 0x26)
    pair.write(0x20, 0x00)
    #expect(pair.acknowledge() == 0x23)
    // Rotation is off: 6 stays the lowest and 7 is the highest.
    pair.setLine(3, false)
    pair.setLine(3, true)
    pair.setLine(7, true)
    #expect(pair.acknowledge() == 0x27)
  }

  @Test func rotateOnNonSpecificEnd() {
    // Data sheet, "Automatic Rotation": IR4 in service, IR6 also asks; after the rotate IR5 is highest, IR4 lowest.
    var pair = started()
    pair.setLine(4, true)
    #expect(pair.acknowledge() == 0x24)
    pair.write(0x20, 0xA0)
    pair.setLine(3, true)
    pair.setLine(6, true)
    pair.setLine(4, false)
    pair.setLine(4, true)
    #expect(pair.acknowledge() == 0x26)
    pair.write(0x20, 0x20)
    #expect(pair.acknowledge() == 0x23)
    pair.write(0x20, 0x20)
    #expect(pair.acknowledge() == 0x24)
  }

  @Test func setPriorityAndRotateOnSpecificEnd() {
    // Data sheet, "Specific Rotation": with IR5 as the lowest, IR6 is the highest.
    var pair = started()
    pair.write(0x20, 0xC5)
    pair.setLine(0, true)
    pair.setLine(6, true)
    #expect(pair.acknowledge() == 0x26)
    // Ends IR6 and makes it the lowest: 7 is the highest, then 0.
    pair.write(0x20, 0xE6)
    #expect(inService(&pair, 0x20) == 0)
    pair.setLine(7, true)
    #expect(pair.acknowledge() == 0x27)
  }

  @Test func specialMaskMode() {
    var pair = started()
    pair.setLine(4, true)
    #expect(pair.acknowledge() == 0x24)
    pair.setLine(6, true)
    #expect(!pair.outputAsserted)
    pair.write(0x21, 0x10)
    #expect(!pair.outputAsserted)
    // With its own level masked, the handler of 4 lets lower levels in.
    pair.write(0x20, 0x68)
    #expect(pair.acknowledge() == 0x26)
    // A non-specific end does not touch a masked level: it ends 6, then nothing.
    pair.write(0x20, 0x20)
    #expect(inService(&pair, 0x20) == 0x10)
    pair.write(0x20, 0x20)
    #expect(inService(&pair, 0x20) == 0x10)
    pair.write(0x20, 0x48)
    pair.write(0x20, 0x20)
    #expect(inService(&pair, 0x20) == 0)
  }

  @Test func pollIsAnAcknowledge() {
    var pair = started()
    pair.write(0x20, 0x0C)
    #expect(pair.read(0x20) & 0x80 == 0)
    pair.setLine(5, true)
    pair.write(0x20, 0x0C)
    #expect(pair.read(0x20) == 0x85)
    #expect(!pair.outputAsserted)
    #expect(inService(&pair, 0x20) == 0x20)
  }

  @Test func evenPortKeepsItsRegisterUntilToldOtherwise() {
    var pair = started()
    pair.setLine(1, true)
    pair.setLine(6, true)
    _ = pair.acknowledge()
    // After ICW1 it reads IRR.
    #expect(pair.read(0x20) == 0x40)
    pair.write(0x20, 0x0B)
    #expect(pair.read(0x20) == 0x02)
    #expect(pair.read(0x20) == 0x02)
    // An OCW3 without RR changes nothing.
    pair.write(0x20, 0x08)
    #expect(pair.read(0x20) == 0x02)
  }
}
