/// From the name of an out-of-line body to the body.

typealias Operation = UnsafeMutablePointer<MicroOperation>

extension Processor {
  @inline(never)
  func dispatch(_ u: Operation) throws(Fault) {
    switch External(rawValue: u.pointee.detail).unsafelyUnwrapped {
    case .legacyAddress: try legacyAddress(u)
    case .pushSized: try push(value(u, UInt64.self), width: Int(u.pointee.width))
    case .popSized: try popSized(u)
    case .popMemory: try popMemory(u)
    case .callSized: try callSized(u)
    case .returnSized: try returnSized(u)
    case .pushAll: try pushAll(u)
    case .popAll: try popAll(u)
    case .enter: try enterFrame(u)
    case .leave: try leaveFrame(u)
    case .stackLoaded, .stackMoved, .branchesLow: break
    case .trackBranch: trackBranch(isMarked: u.pointee.imm != 0)

    case .rotateLeft, .rotateRight: rotate(u)
    case .rotateCarryLeft: sizedCarry(u, left: true)
    case .rotateCarryRight: sizedCarry(u, left: false)
    case .shiftDoubleLeft: shiftDouble(u, left: true)
    case .shiftDoubleRight: shiftDouble(u, left: false)
    case .multiply: multiply(u)
    case .multiplySigned: multiplySignedWide(u)
    case .divide: try divide(u)
    case .divideSigned: try divideSigned(u)
    case .bitTest, .bitTestSet, .bitTestReset, .bitTestComplement: try bitTest(u)
    case .bitScanForward: bitScan(u, forward: true)
    case .bitScanReverse: bitScan(u, forward: false)
    case .populationCount: populationCount(u)
    case .byteSwap: byteSwap(u)
    case .exchangeAdd: exchangeAdd(u)
    case .compareExchange: compareExchange(u)
    case .compareExchangeDouble: try compareExchangeDouble(u)
    case .signExtendAccumulator: signExtendAccumulator(u)
    case .signIntoData: signIntoData(u)
    case .loadFlagsAH: set(Slot.rax + 1, UInt8(truncatingIfNeeded: s.pointee.arithmeticFlags & 0xD5 | 2))
    case .storeFlagsAH:
      let kept = s.pointee.arithmeticFlags & RFLAGS.overflow.rawValue
      s.pointee.setArithmeticFlags(UInt64(get(Slot.rax + 1, UInt8.self)) | kept)
    case .clearCarry: s.pointee.setCarry(false)
    case .setCarry: s.pointee.setCarry(true)
    case .complementCarry: s.pointee.setCarry(!s.pointee.carry)
    case .clearDirection: s.pointee.otherFlags &= ~RFLAGS.direction.rawValue
    case .setDirection: s.pointee.otherFlags |= RFLAGS.direction.rawValue
    case .tableLookup: try tableLookup(u)
    case .decimalAddAdjust: decimalAdjust(subtract: false)
    case .decimalSubtractAdjust: decimalAdjust(subtract: true)
    case .asciiAddAdjust: asciiAdjust(subtract: false)
    case .asciiSubtractAdjust: asciiAdjust(subtract: true)
    case .asciiMultiplyAdjust: try asciiMultiplyAdjust(u)
    case .asciiDivideAdjust: asciiDivideAdjust(u)
    case .bound: try bound(u)
    case .manipulateBits: manipulateBits(u)
    case .countTrailingZeros: countZeros(u, trailing: true)
    case .countLeadingZeros: countZeros(u, trailing: false)
    case .moveByteSwapped: moveByteSwapped(u)
    case .accumulateCRC: accumulateCRC(u)

    case .jumpIfCounterZero, .loop, .loopIfZero, .loopIfNotZero: try countedJump(u)
    case .jumpOutside: throw Fault.gp()
    case .jumpOutsideIf: try jumpOutsideIf(u)
    case .callOutside: try refuseCall(returnTo: u.pointee.disp)
    case .farJump: try farJump(u)
    case .farCall: try farCall(u)
    case .farReturn: try farReturn(u)
    case .interrupt: try softwareInterrupt(u, Vector(UInt8(truncatingIfNeeded: u.pointee.imm)))
    case .interruptThree: try softwareInterrupt(u, .breakpoint, .softwareException)
    case .interruptOne: try interruptOne(u)
    case .interruptOverflow:
      if s.pointee.overflow {
        try softwareInterrupt(u, .overflow, .softwareException)
      } else {
        s.pointee.rip = nextInstruction(s.pointee.rip, u.pointee.length)
      }
    case .interruptReturn: try interruptReturn(u)
    case .systemCall: try systemCall(u)
    case .systemReturn: try systemReturn(u)
    case .systemEnter: try systemEnter(u)
    case .systemExit: try systemExit(u)
    case .eventReturnToSupervisor: try eventReturnToSupervisor()
    case .eventReturnToUser: try eventReturnToUser()

    case .moveString, .storeString, .loadString, .compareString, .scanString, .inString, .outString:
      try stringInstruction(u)

    case .undefined: throw Fault.ud
    case .tooLong: throw Fault.gp()
    case .halt: try halt()
    case .input: try input(u)
    case .output: try output(u)
    case .clearInterrupt: try clearInterrupt()
    case .setInterrupt: try setInterrupt()
    case .pushFlags: try pushFlags(u)
    case .popFlags: try popFlags(u)
    case .readControl: try readControl(u)
    case .writeControl: try writeControl(Int(u.pointee.dst), get(u.pointee.src, UInt64.self))
    case .readDebug: try readDebug(u)
    case .writeDebug: try writeDebug(u)
    case .clearTaskSwitched:
      try requirePrivilege()
      s.pointee.cr0 &= ~CR0.taskSwitched
    case .loadMachineStatus: try loadMachineStatus(u)
    case .storeMachineStatus: try storeMachineStatus(u)
    case .readMSR: try readMSR(u)
    case .writeMSR: try writeMSR(u)
    case .readTimeStamp: try readTimeStamp(u)
    case .readTimeStampAndID:
      try readTimeStamp(u)
      set(Slot.rcx, UInt32(truncatingIfNeeded: s.pointee.msr.tscAuxiliary))
    case .readPerformanceCounter: try readPerformanceCounter()
    case .cpuid: cpuid()
    case .swapGS: try swapGS()
    case .loadKernelGS: try loadKernelGS(u)
    case .readFSBase: try readBase(u, Slot.fsBase)
    case .readGSBase: try readBase(u, Slot.gsBase)
    case .writeFSBase: try writeBase(u, Slot.fsBase)
    case .writeGSBase: try writeBase(u, Slot.gsBase)
    case .loadGDT, .loadIDT: try loadTable(u)
    case .storeGDT, .storeIDT: try storeTable(u)
    case .loadLDT: try loadLDT(Selector(get(u.pointee.src, UInt16.self)))
    case .loadTask: try loadTask(Selector(get(u.pointee.src, UInt16.self)))
    case .storeLDT: try storeSystemSelector(u, s.pointee.ldtr.selector)
    case .storeTask: try storeSystemSelector(u, s.pointee.tr.selector)
    case .invalidatePage:
      try requirePrivilege()
      dropTranslation(of: linear(u))
    case .invalidatePCID: try invalidatePCID(u)
    case .invalidateCaches: try requirePrivilege()
    case .setAC, .clearAC: try changeAC(u)
    case .readSegment:
      set(u.pointee.dst, UInt64(s.pointee.segments[Int(u.pointee.src)].selector))
    case .writeSegment:
      try loadSegment(SegmentName(rawValue: Int(u.pointee.dst)).unsafelyUnwrapped, get(u.pointee.src, UInt16.self))
    case .popSegment: try popSegment(u)
    case .loadFarPointer: try loadFarPointer(u)
    case .verifyRead: try verify(u, write: false)
    case .verifyWrite: try verify(u, write: true)
    case .loadAccessRights: try loadAccessRights(u)
    case .loadSegmentLimit: try loadSegmentLimit(u)
    case .adjustRPL: adjustRPL(u)
    case .flushLine: _ = try load(linear(u), as: UInt8.self)
    case .readProcessorID: setSized(u.pointee.dst, s.pointee.msr.tscAuxiliary, Int(u.pointee.width))
    case .readRandom: readRandom(u)
    case .floatingPoint: try executeFloatingPoint(u)
    case .vector: try executeVector(u)
    }
  }

  /// RIP after an instruction of `length` bytes at `rip`.
  func nextInstruction(_ rip: UInt64, _ length: UInt8) -> UInt64 {
    let next = rip &+ UInt64(length)
    return s.pointee.codeMode == .bits64 ? next : next & 0xFFFF_FFFF
  }

  /// #GP unless at privilege level 0.
  func requirePrivilege() throws(Fault) {
    if s.pointee.cpl != 0 { throw Fault.gp() }
  }
}
