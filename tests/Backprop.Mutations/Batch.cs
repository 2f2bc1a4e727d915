using System.Text;
using Microsoft.CodeAnalysis.Text;

namespace Backprop.Mutations;

/// <summary>Mutants that are compiled together, numbered from 1: compiling takes longer than testing.</summary>
internal sealed class Batch
{
    // Some bodies beside each other are still inlined as the original is; a hundred are not.
    private const int Most = 48, MostText = 6000, Open = 12;

    private readonly Dictionary<(string, TextSpan), int> _text = [];

    /// <summary>The mutants; number 1 is the first.</summary>
    public List<Mutant> Mutants { get; } = [];

    /// <summary>Puts mutants together, nearly in their order.</summary>
    public static List<Batch> Of(IEnumerable<Mutant> mutants)
    {
        List<Batch> batches = [];
        foreach (var mutant in mutants)
        {
            var batch = mutant.Carrier.Form == Carrier.Choice.None ? null : batches.TakeLast(Open).FirstOrDefault(batch => batch.Takes(mutant));
            if (batch is null) batches.Add(batch = new Batch());
            batch.Add(mutant);
        }

        return batches;
    }

    /// <summary>A file's text with all mutants of it, and where each of them stands.</summary>
    public static (string Text, List<(Mutant Mutant, TextSpan Span)> Places) Write(SourceText text, IEnumerable<(int Number, Mutant Mutant)> mutants)
    {
        var (result, places, at) = (new StringBuilder(), new List<(Mutant, TextSpan)>(), 0);
        foreach (var group in mutants.GroupBy(mutant => mutant.Mutant.Carrier).OrderBy(group => (group.Key.Form == Carrier.Choice.None ? group.First().Mutant.Span : group.Key.Span).Start))
        {
            var carrier = group.Key;
            if (carrier.Form == Carrier.Choice.None)
            {
                var (span, replacement) = (group.First().Mutant.Span, group.First().Mutant.Replacement);
                result.Append(text.ToString(TextSpan.FromBounds(at, span.Start))).Append(replacement);
                places.Add((group.First().Mutant, new TextSpan(0, int.MaxValue)));
                at = span.End;
                continue;
            }

            result.Append(text.ToString(TextSpan.FromBounds(at, carrier.Span.Start)));
            var inner = text.ToString(carrier.Inner);
            var numbered = group.ToDictionary(mutant => mutant.Number, mutant => mutant.Mutant);
            foreach (var (part, number) in carrier.Write(inner, numbered.Select(mutant => (mutant.Key, Mutated(inner, carrier.Inner.Start, mutant.Value)))))
            {
                if (number is int own) places.Add((numbered[own], new TextSpan(result.Length, part.Length + 1)));
                result.Append(part);
            }

            at = carrier.Span.End;
        }

        return (result.Append(text.ToString(TextSpan.FromBounds(at, text.Length))).ToString(), places);
    }

    private bool Takes(Mutant mutant) => Mutants.Count < Most && Mutants[0].Carrier.Form != Carrier.Choice.None
        && _text.GetValueOrDefault((mutant.File, mutant.Carrier.Span)) is var length && (length == 0 || length + mutant.Carrier.Inner.Length <= MostText);

    private void Add(Mutant mutant)
    {
        Mutants.Add(mutant);
        var key = (mutant.File, mutant.Carrier.Span);
        _text[key] = _text.GetValueOrDefault(key) + mutant.Carrier.Inner.Length;
    }

    private static string Mutated(string inner, int start, Mutant mutant) => inner[..(mutant.Span.Start - start)] + mutant.Replacement + inner[(mutant.Span.End - start)..];
}
