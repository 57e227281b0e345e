/// The instructions whose bodies are out of line, by name; `Instructions/` has the bodies.
enum External: UInt16 {
  // Addresses and the stack outside 64-bit mode
  case legacyAddress, pushSized, popSized, popMemory, callSized, returnSized, pushAll, popAll
  case enter, leave
  // Stand behind the micro-operations of an instruction that gives RSP a value from elsewhere, or moves it far
  case stackLoaded, stackMoved
  // Stands before a return or an indirect branch whose place matters to the profile
  case branchesLow
  // Stands before an indirect branch where the profile has indirect branch tracking
  case trackBranch
  // Integer
  case rotateLeft, rotateRight, rotateCarryLeft, rotateCarryRight, shiftDoubleLeft, shiftDoubleRight
  case multiply, multiplySigned, divide, divideSigned
  case bitTest, bitTestSet, bitTestReset, bitTestComplement
  case bitScanForward, bitScanReverse, populationCount, byteSwap, exchangeAdd, compareExchange, compareExchangeDouble
  case signExtendAccumulator, signIntoData, loadFlagsAH, storeFlagsAH, clearCarry, setCarry, complementCarry
  case clearDirection, setDirection, tableLookup
  case decimalAddAdjust, decimalSubtractAdjust, asciiAddAdjust, asciiSubtractAdjust, asciiMultiplyAdjust
  case asciiDivideAdjust, bound
  case manipulateBits, countTrailingZeros, countLeadingZeros, moveByteSwapped, accumulateCRC
  // Control flow
  case jumpIfCounterZero, loop, loopIfZero, loopIfNotZero
  // Relative branches of 64-bit code whose targets are not canonical
  case jumpOutside, jumpOutsideIf, callOutside
  case farJump, farCall, farReturn, interrupt, interruptThree, interruptOne, interruptOverflow, interruptReturn
  case systemCall, systemReturn, systemEnter, systemExit
  case eventReturnToSupervisor, eventReturnToUser
  // Strings
  case moveString, storeString, loadString, compareString, scanString, inString, outString
  // System
  case undefined, tooLong, halt, input, output
  case clearInterrupt, setInterrupt, pushFlags, popFlags
  case readControl, writeControl, readDebug, writeDebug, clearTaskSwitched, loadMachineStatus, storeMachineStatus
  case readMSR, writeMSR, readTimeStamp, readTimeStampAndID, readPerformanceCounter, cpuid
  case swapGS, loadKernelGS, readFSBase, readGSBase, writeFSBase, writeGSBase
  case loadGDT, loadIDT, loadLDT, loadTask, storeGDT, storeIDT, storeLDT, storeTask
  case invalidatePage, invalidatePCID, invalidateCaches, setAC, clearAC
  case readSegment, writeSegment, popSegment, loadFarPointer
  case verifyRead, verifyWrite, loadAccessRights, loadSegmentLimit, adjustRPL
  case flushLine, readProcessorID, readRandom
  // x87, MMX and SSE: see Instructions/Vector
  case floatingPoint, vector
}
