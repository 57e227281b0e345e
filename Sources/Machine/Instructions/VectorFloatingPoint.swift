/// SSE floating point of XMM registers. The arithmetic and its exceptions are in `Arithmetic/`.
///
/// Intel SDM vol. 1, "SSE Arithmetic Instructions", "SSE Comparison Instructions", "SSE Conversion Instructions" and their
/// SSE2 and SSE3 successors.
import HostFloatingPoint

extension Processor {
  func computeVector(_ u: Operation, _ family: VectorFamily) throws(Fault) {
    let code = u.pointee.vectorCode
    let control = MXCSR(rawValue: s.pointee.mxcsr)
    // SAFETY: the code is the raw value that the translator put in.
    switch family {
    case .arithmetic:
      let instruction = SSEInstruction(rawValue: code).unsafelyUnwrapped
      let source = try vectorSource(u)
      setVector(u, try complete(control.performing(instruction, vectorDestination(u), source)))
    case .compare:
      let instruction = SSECompareInstruction(rawValue: code).unsafelyUnwrapped
      let source = try vectorSource(u)
      let predicate = u.pointee.vectorImmediate
      setVector(u, try complete(control.comparing(instruction, predicate, vectorDestination(u), source)))
    case .compareToFlags:
      let instruction = SSEFlagComparison(rawValue: code).unsafelyUnwrapped
      let source = try vectorSource(u)
      s.pointee.setArithmeticFlags(
        try complete(control.comparingToFlags(instruction, vectorDestination(u), source)))
    case .toInteger:
      let instruction = SSEToInteger(rawValue: code).unsafelyUnwrapped
      let source = try vectorSource(u)
      set(u.pointee.dst, try complete(control.convertingToInteger(instruction, source)))
    case .fromInteger:
      let instruction = SSEFromInteger(rawValue: code).unsafelyUnwrapped
      let source = try generalSource(u)
      setVector(u, try complete(control.convertingFromInteger(instruction, vectorDestination(u), source)))
    case .reciprocal: setVector(u, try vectorSource(u).reciprocalEstimates)
    case .reciprocalScalar:
      let source = try vectorSource(u)
      setVector(u, vectorDestination(u).withReciprocalEstimate(of: source))
    case .reciprocalRoot: setVector(u, try vectorSource(u).reciprocalSquareRootEstimates)
    case .reciprocalRootScalar:
      let source = try vectorSource(u)
      setVector(u, vectorDestination(u).withReciprocalSquareRootEstimate(of: source))
    default: preconditionFailure("A vector instruction of another family came to computeVector.")
    }
  }
}
