/// The library's entry points as F# calls them: each compiles, and runs. What looks different from C# is said beside it.
module Calls

open System
open System.Collections.Generic
open System.IO
open System.Linq
open System.Threading
open Backprop
open MathNet.Numerics.LinearAlgebra
open Layers
open Parts

let private generator = Generator(1)
let private x = Matrix<float>.Build.Dense(12, 2, (fun i j -> float ((5 * i + 3 * j) % 12) / 6.0 - 1.0))
let private y = Matrix<float>.Build.Dense(12, 1, (fun i _ -> float (i % 2)))
let private newModel () = Sequential<float>(Linear<float>(2, 8, generator = generator), Tanh<float>(), Linear<float>(8, 2, generator = generator))

let private models () =
    let named = Sequential<float>()
    named.Add("hidden", Linear<float>(2, 8, generator = generator))
    named.Add(Swish())
    named.Add("output", Linear<float>(8, 1, generator = generator))
    let output = named.Get<Linear<float>>("output")
    Init.XavierUniform(output.Weight, generator = generator)
    output.Weight.Value[0, 0] <- 0.25
    (nonNull output.Bias).Values.Fill(0.5)                              // what may be null in C# may be so here
    named["hidden"].Freeze()
    let sides = Concat<float>()
    sides.Add("left", Columns<float>(0, 1))
    sides.Add("right", Sequential<float>(Columns<float>(1, 1), Standardize<float>(1)))
    sides.FitPreprocessing(x)
    OneHot<float>([ 3; 0 ], allowUnknown = true) |> ignore              // an F# list is an IReadOnlyList
    Sequential<float>([| Linear<float>(2, 2) :> Layer<float>; Residual<float>(Dropout<float>(0.5, Generator(2))) |]) |> ignore
    printfn "%s" (named.Summary(x))

let private stepsByHand () =
    let model = newModel ()
    let loss, adam, pass = CrossEntropyLoss<float>(Vector<float>.Build.Dense([| 1.0; 2.0 |]), reduction = Reduction.Sum), Adam<float>(model.Parameters), model.NewPass()
    let batches = Batches<float>(x, y, batchSize = 5, shuffle = generator, dropLast = true)
    batches.Shuffle()
    for i in 0 .. batches.Count - 1 do
        let batch = batches.Gather(i)
        let yHat = model.Forward(batch.X, pass)
        adam.ZeroGradients()
        model.AccumulateGradients(pass, loss.Backward(yHat, batch.Y))
        GradientClipping.ByNorm(model.Parameters, 1.0) |> ignore
        adam.Step()
    let classes = Array.init 12 (fun i -> i % 2)
    let yHat = model.Forward(x, pass)
    loss.Forward(yHat, classes) |> ignore                               // an array is taken for a span,
    let squares = newModel().Forward(x) |> fun y -> MSELoss<float>().Forward(y, y)
    loss.Backward(yHat, ReadOnlySpan classes) |> ignore                 // and may say so
    squares

let private optimizersAndSchedulers () =
    let model = newModel ()
    let head = (model[ "2" ]).Parameters
    SGD<float>(model.Parameters, learningRate = 0.1, momentum = 0.9, nesterov = true).Step()
    SGD<float>([ for parameter in head -> parameter ], 0.1).Step()
    let adam = AdamW<float>(AdamWGroup<float>(model["0"].Parameters, LearningRate = 0.01, Beta1 = 0.8, AMSGrad = true), AdamWGroup<float>(head, WeightDecay = 0.1))
    adam.Groups[0].LearningRate <- 0.1
    let perGroup = LambdaLR(adam, [ Func<int, float>(fun _ -> 1.0); Func<int, float>(fun epoch -> 0.9 ** float epoch) ])   // functions in a list become delegates by name
    perGroup.Step()
    let fresh () = Adam<float>(model.Parameters)
    let one = fresh ()
    (LambdaLR(one, (fun epoch -> 0.9 ** float epoch))).Step()
    MultiStepLR(fresh (), [ 10; 20 ], 0.1).Step()
    let two = fresh ()
    SequentialLR(two, [ LinearLR(two) :> LRScheduler; StepLR(two, 2) ], [ 3 ]).Step()
    ReduceLROnPlateau(fresh (), patience = 2).Step(0.5)                 // a float for a Nullable
    OneCycleLR(fresh (), 0.1, 100).Step()

type private Flower = { Length: float; Width: float; Name: string }

let private data () =
    let samples = Samples<float>(x, y, weights = Matrix<float>.Build.Dense(12, 1, 1.0))
    let struct (training, heldBack) = samples.SplitStratified(0.25, generator)     // C#'s tuples are struct tuples
    for struct (fold, rest) in samples.KFold(3, generator) do ignore (fold, rest)
    let rows = [| 3; 1; 4 |]
    samples.Rows(rows) |> ignore                                        // an array with a name; F# knows no params spans
    let flowers = [ { Length = 1.4; Width = 0.2; Name = "setosa" }; { Length = 4.7; Width = 1.4; Name = "versicolor" } ]
    let classes = Classes.From(flowers |> List.map _.Name)
    let iris = Samples<float>.From(flowers, (fun flower -> [| flower.Length; flower.Width |]), _.Name, classes)
    Samples<float>.From(flowers, (fun flower -> [| flower.Length |]), (fun flower -> [| flower.Width |]), (fun _ -> 1.0)) |> ignore
    let found, index = classes.TryIndexOf("versicolor")
    if not found || iris.Y[1, 0] <> float index then failwith "classes"
    Batches<float>(training, 4, generator, SamplingWeights = [ for _ in 1 .. training.Count -> 1.0 ]) |> ignore
    heldBack.Count

/// An IRowReader fills spans.
type private Reader() =
    let mutable i = 0
    interface IRowReader<float> with
        member _.Read(x: Span<float>, y: Span<float>, _: CancellationToken) =
            x[0] <- float i
            y[0] <- 1.0
            i <- i + 1
            i <= 10
        member _.Dispose() = ()

let private streams () =
    let points () = seq { for i in 0 .. 19 -> struct ([| float i / 20.0 |], [| 1.0 |]) }        // struct tuples, again
    let fromRows = StreamedBatches<float>(points, inputs = 1, targets = 1, batchSize = 4, shuffle = generator, ShuffleBuffer = 10)
    let fromReader = StreamedBatches<float>((fun () -> new Reader() :> IRowReader<float>), 1, 1, 4)
    let fromAsync = StreamedBatches<float>((fun () -> points().ToAsyncEnumerable()), 1, 1, 4)
    for source in [ fromRows; fromReader; fromAsync ] do
        let model = Linear<float>(1, 1, generator = generator)
        Trainer<float>(model, HuberLoss<float>(), RMSprop<float>(model.Parameters, 0.01), source).Fit(2) |> ignore

let private trainings (directory: string) =
    let newTrainer () =
        let generator, model = Generator(3), newModel ()
        let adam = Adam<float>(model.Parameters)
        Trainer<float>(model, CrossEntropyLoss<float>(), adam, Batches<float>(x, y, 4, generator),
            Validation = Samples<float>(x, y),
            Metrics = [| Accuracy<float>() :> Metric<float>; F1<float>() |],       // the first says of which kind all are
            Scheduler = StepLR(adam, stepSize = 2),
            MaxGradientNorm = 1.0,
            GradientAccumulationSteps = 2,
            EarlyStopping = EarlyStopping(Patience = 5, Metric = "accuracy"))
    let trainer = newTrainer ()
    trainer.Fit(1) |> ignore
    let told = List<string>()
    let callback (progress: TrainingProgress<float>) = if progress.Moment = TrainingMoment.EpochEnd then told.Add(string progress.Result)
    use cancellation = new CancellationTokenSource()
    trainer.Fit(2, callback, cancellation.Token) |> ignore
    let history = trainer.Fit(untilEpoch = 3, callback = (fun progress -> if progress.Loss < 1e-9 then progress.Stop()), cancellation = cancellation.Token)
    if history.EndReason <> Nullable EndReason.Epochs || told.Count <> 1 then failwith "history"
    let best = match history.Best with Null -> nan | NonNull best -> best.ValidationLoss |> Option.ofNullable |> Option.defaultValue nan
    let struct (loss, metrics) = trainer.Evaluate(Samples<float>(x, y))
    trainer.Step(x, y) + best + loss + metrics["accuracy"] |> ignore
    history.WriteCsv(TextWriter.Null)

    let checkpoint = Path.Combine(directory, "fsharp.checkpoint")
    trainer.SaveCheckpoint(checkpoint)
    newTrainer().LoadCheckpoint(checkpoint, ResumeChanges.BatchSize ||| ResumeChanges.Samples) |> ignore

let private files (directory: string) =
    let path = Path.Combine(directory, "fsharp.safetensors")
    let model, other = newModel (), newModel ()
    model.Save(path, storeAs = SafeTensorsType.F32, classes = Classes([ "even"; "odd" ]))
    let report = other.Load(path, strict = false, convert = true, rename = (fun name -> if name = "none" then null else name))
    if (nonNull (ModelFile.ReadClasses(path)))[1] <> "odd" then failwith "classes"
    use stream = new MemoryStream()
    model.Save(stream)
    stream.Position <- 0L
    other.Load(stream) |> ignore
    let result, scores = Matrix<float>.Build.Dense(12, 2), Array.zeroCreate<float> 2
    other.Predict(x, result)
    other.Predict([| x[3, 0]; x[3, 1] |], scores)                       // arrays for spans
    if not ((model.Forward(x)).Equals result) || scores[1] <> result[3, 1] then failwith "predictions"
    string report

let private ownParts () =
    for layer in [ Snake(2) :> Layer<float>; Square(); Swish(); Twice(Linear<float>(2, 3, generator = generator)) ] do GradientCheck.Run(layer, x).ThrowIfFailed()
    for loss in [ Quartic() :> Loss<float>; SoftplusOfDifference() ] do GradientCheck.Run(loss, x, 2.0 * x).ThrowIfFailed()
    GradientCheck.Run(newModel (), x, seed = 3, tolerance = 1e-5, beforeForward = ignore).ThrowIfFailed()
    let center = Center(2)
    center.Fit(x)
    GradientCheck.Run(center, x).ThrowIfFailed()
    if abs ((center.Forward(x)).ColumnSums().Sum()) > 1e-12 then failwith "center"
    let model = Linear<float>(2, 1, generator = generator)
    for group in [ SignGroup(model.Parameters) :> ParameterGroup<float>; HeavyGroup(model.Parameters) ] do
        let optimizer = Optimizer<float>(group)
        let metrics = [ Bias() :> Metric<float>; Total() ]
        Trainer<float>(model, Quartic(), optimizer, WholeBatch(x, y), Metrics = metrics, Validation = Samples<float>(x, y), Scheduler = Halve(optimizer)).Fit(2) |> ignore
    let counts = ConfusionMatrix.Of(newModel().Forward(x), y)
    ConfusionMatrix.ToText(counts, "even", "odd") |> ignore
    let parts = CombinedLoss<float>(LossPart<float>("price", MSELoss<float>(), Range(0, 1), Range(0, 1)))      // C#'s 0..1
    let terms = Array.zeroCreate<LossTerm> parts.TermCount
    parts.Terms(x, x, terms)

let all () =
    let directory = Directory.CreateTempSubdirectory("backprop-fsharp-").FullName
    try
        models ()
        stepsByHand () |> ignore
        optimizersAndSchedulers ()
        data () |> ignore
        streams ()
        trainings directory
        printfn "%s" (files directory)
        ownParts ()
    finally
        Directory.Delete(directory, recursive = true)
