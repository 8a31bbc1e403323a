// Pemba: why a check has its answer, in frames.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

extension ExplainRequest {
    /// Appends the payload of an `explain` frame.
    package func encode(deadlineMilliseconds: UInt32, into output: inout ByteWriter) {
        output.integer(deadlineMilliseconds)
        consistency.encode(into: &output)
        output.check(item)
        output.evaluationContext(EvaluationContext(values: item.context, tuples: contextualTuples))
    }

    /// Reads the payload of an `explain` frame.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> Timed<ExplainRequest> {
        try Timed.decode(payload) { reader throws(ByteError) in
            let consistency = try Consistency(decoding: &reader)
            var item = CheckItem(
                resource: try reader.object(),
                permission: try reader.string(limit: Limits.relationNameBytes),
                subject: try reader.subject()
            )
            let context = try reader.evaluationContext()
            item.context = context.values
            return ExplainRequest(consistency: consistency, item: item, contextualTuples: context.tuples)
        }
    }
}

extension ExplainAnswer {
    /// Appends the payload of an `explainAnswer` frame.
    package func encode(into output: inout ByteWriter) {
        zookie.encode(into: &output)
        output.decision(explanation.decision)
        explanation.proof.encode(into: &output)
        output.count(explanation.suggestions.count)
        for suggestion in explanation.suggestions { suggestion.encode(into: &output) }
        output.strings(explanation.selfExclusions)
        output.integer(explanation.time.nanoseconds)
        output.count(explanation.conditions.count)
        for condition in explanation.conditions { condition.encode(into: &output) }
    }

    /// Reads the payload of an `explainAnswer` frame.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        let zookie = try reader.zookie()
        var budget = TreeBudget()
        let explanation = Explanation(
            decision: try reader.decision(),
            proof: try ProofNode(reading: &reader, &budget),
            suggestions: try reader.list(limit: Limits.suggestions) { reader throws(ByteError) in
                try Suggestion(reading: &reader)
            },
            selfExclusions: try reader.strings(
                limit: Limits.explanationNodes,
                bytes: Limits.definitionNameBytes + Limits.objectIDBytes + Limits.relationNameBytes + 2
            ),
            time: Timestamp(nanoseconds: try reader.integer()),
            conditions: try reader.list(limit: Limits.explanationConditions) { reader throws(ByteError) in
                try ExplainedCondition(reading: &reader)
            }
        )
        try reader.expectEnd()
        self.init(explanation: explanation, zookie: zookie)
    }
}

extension Suggestion {
    fileprivate func encode(into output: inout ByteWriter) {
        output.tuples(add)
        output.tuples(remove)
        output.count(context.count)
        for need in context {
            output.tuple(need.tuple)
            output.boolean(need.mustHold)
            output.missingContext(need.missing)
            output.missingContext(need.wrong)
        }
    }

    fileprivate init(reading reader: inout ByteReader) throws(ByteError) {
        self.init(
            add: try reader.tuples(limit: Limits.explanationNodes),
            remove: try reader.tuples(limit: Limits.explanationNodes),
            context: try reader.list(limit: Limits.explanationNodes) { reader throws(ByteError) in
                let tuple = try reader.tuple()
                let mustHold = try reader.boolean(field: "must hold")
                return ContextNeed(
                    tuple: tuple,
                    mustHold: mustHold,
                    missing: try reader.missingContext(),
                    wrong: try reader.missingContext()
                )
            }
        )
    }
}

extension ExplainedCondition {
    fileprivate func encode(into output: inout ByteWriter) {
        output.string(caveat.name)
        output.context(caveat.context)
        output.string(expression, cutTo: Limits.explanationExpressionBytes)
        output.context(given)
        output.decision(decision)
    }

    fileprivate init(reading reader: inout ByteReader) throws(ByteError) {
        let name = try reader.string(limit: Limits.caveatNameBytes)
        let stored = try reader.context(field: "stored context", limit: Limits.storedContextBytes)
        self.init(
            caveat: CaveatReference(name: name, context: stored),
            expression: try reader.string(limit: Limits.explanationExpressionBytes),
            given: try reader.context(field: "given context", limit: Limits.requestContextBytes),
            decision: try reader.decision()
        )
    }
}
