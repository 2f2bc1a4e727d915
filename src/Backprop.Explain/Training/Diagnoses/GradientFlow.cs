namespace Backprop.Explain;

/// <summary>How large dL/dy is at each layer that learns, beside the last of them.</summary>
internal static class GradientFlow
{
    internal const int FewestSamples = 3;

    /// <summary>For each layer that learns: the median over the steps of its norm, and of that over the norm at the last such layer. A gradient of exactly 0 is not small but missing, and left out.</summary>
    internal static IReadOnlyList<(LayerRecord Layer, double Norm, double Ratio)> Of(TrainingRecord record)
    {
        var learning = Enumerable.Range(0, record.Layers.Count).Where(i => record.Layers[i].Learning > 0 && Norms(record, i).Count() >= FewestSamples).ToArray();
        if (learning.Length < 2) return [];
        var last = learning[^1];
        return
        [
            .. learning.Select(i => (record.Layers[i], TrainingRecord.Median(Norms(record, i)),
                TrainingRecord.Median(record.Samples.Where(sample => sample.Layers[i].OutputGradient > 0 && sample.Layers[last].OutputGradient > 0).Select(sample => sample.Layers[i].OutputGradient / sample.Layers[last].OutputGradient)))),
        ];
    }

    /// <summary>The way from the output to a layer, in numbers: at most so many places of it.</summary>
    internal static string Way(IReadOnlyList<(LayerRecord Layer, double Norm, double Ratio)> flow, LayerRecord to, int places = 5)
    {
        var way = flow.Reverse().TakeWhile(place => place.Layer != to).Append(flow.First(place => place.Layer == to)).ToArray();
        var shown = way.Length <= places ? way : [.. Enumerable.Range(0, places).Select(k => way[k * (way.Length - 1) / (places - 1)])];
        return Say.List([.. shown.Select(place => $"{Say.Number(place.Norm)} at {place.Layer.Name}")]);
    }

    private static IEnumerable<double> Norms(TrainingRecord record, int i) => record.Samples.Select(sample => sample.Layers[i].OutputGradient).Where(norm => norm > 0);
}
