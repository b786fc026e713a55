"""English words about speech."""

from __future__ import annotations

import regex

from tts_models.instructions.lexicon import Lexicon, compiled
from tts_models.instructions.manner import Effect

_MOODS = {
    Effect("happy"): r"""happ(?:y|ily|iness|ier) cheer(?:ful(?:ly|ness)?|y|ily) joy(?:ful(?:ly)?|ous(?:ly)?)?
        glad(?:ly)? delight(?:ed(?:ly)?|ful)? jolly merr(?:y|ily) upbeat sunny bright(?:ly)?
        positiv(?:e|ely|ity) smil(?:e|ing) bubbly playful(?:ly)? amus(?:ed|ing) optimis(?:m|tic)
        light[\s-]?hearted(?:ly)? pleased grin(?:ning)? laugh(?:ing|ter)? giggl(?:e|ing|y) festive proud(?:ly)?
        pride""",
    Effect("happy", 0.5): r"""friendl(?:y|iness|ier) warm(?:th|ly|er)? welcoming approachable hopeful(?:ly)?
        kind(?:ly|ness)?(?!_of) encouraging(?:ly)? inviting engaging personable helpful polite(?:ly)?
        nice(?:ly)? pleasant(?:ly)? witty humou?r(?:ous)? flirt(?:y|atious)? charming sweet(?:ly)?
        grateful(?:ly)? appreciative""",
    Effect("excited"): r"""excit(?:ed|ement|edly|ing|able) thrill(?:ed|ing)? ecstatic(?:ally)? elat(?:ed|ion)
        euphori(?:a|c) enthusias(?:m|tic(?:ally)?) energetic(?:ally)? energy_level:?_high high[\s-]energy
        exhilarated exuberant(?:ly)? hyped? passionate(?:ly)? eager(?:ly|ness)? overjoyed jubilant(?:ly)?
        triumphant(?:ly)? giddy animated(?:ly)? pumped(?:_up)? vibrant(?:ly)? over_the_moon can(?:no|')t_wait
        dynamic epic""",
    Effect("sad"): r"""sad(?:ly|ness|der)? sorrow(?:ful(?:ly)?)? grie(?:f|v(?:ing|ed)) mourn(?:ing|ful(?:ly)?)?
        melanchol(?:y|ic) depress(?:ed|ing) gloom(?:y|ily) heart[\s-]?broken(?:ly)? tear(?:s|ful(?:ly)?|y)
        cry(?:ing)? weep(?:ing)? miserabl[ey] unhapp(?:y|ily|iness) down(?:cast|hearted|beat)
        despair(?:ing(?:ly)?)? hopeless(?:ly)? sob(?:bing)? devastated disappoint(?:ed|ment|edly)
        regret(?:ful(?:ly)?)? lonel(?:y|iness) wistful(?:ly)? blue""",
    Effect("sad", 0.45, speed=0.93, energy=0.8): r"""tired(?:ly)? weary wearily exhaust(?:ed|ion) sleepy
        sleepily drowsy fatigued? bored(?:ly|om)? listless lethargic worn[\s-]out burnt?[\s-]out world[\s-]weary
        resigned(?:ly)? sluggish""",
    Effect("angry"): r"""ang(?:ry|er|rily) furious(?:ly)? fur(?:y|ies) mad rag(?:e|ing) enraged irate
        outrag(?:ed?|e) livid hostil(?:e|ity) aggressiv(?:e|ely) aggression hat(?:e|eful|red) fierce(?:ly)?
        fuming seething wrath(?:ful)? yell(?:s|ing)? threatening(?:ly)? menacing(?:ly)? scold(?:s|ing)?""",
    Effect("angry", 0.5): r"""annoy(?:ed|ance) irritat(?:ed|ion|edly|able) frustrat(?:ed|ion) grump(?:y|ily)
        impatient(?:ly)? cross indignan(?:t|tly|ce)|bitter(?:ly|ness)? stern(?:ly)? strict(?:ly)?
        resentful(?:ly)? contempt(?:uous(?:ly)?)? disgust(?:ed)? sarcas(?:m|tic(?:ally)?) snark(?:y|ily)?
        sneering harsh(?:ly)? defensive(?:ly)? rude(?:ly)?""",
    Effect("fearful"): r"""fear(?:ful(?:ly)?)? afraid scared frighten(?:ed)? terrif(?:ied|y) terror
        panic(?:ked|ky|king)? horrified trembl(?:e|ing) shak(?:y|ily|ing) petrified dread|alarm(?:ed)? spooked
        quiver(?:ing)?""",
    Effect("fearful", 0.5): r"""nervous(?:ly|ness)? anxi(?:ous(?:ly)?|ety) worr(?:y|ied|iedly) uneasy uneasily
        tense(?:ly)? tension timid(?:ly)? hesitant(?:ly)? insecure paranoid shy(?:ly)? apprehensive(?:ly)?
        stress(?:ed)? unsure concerned urgent(?:ly)? urgency""",
    Effect("surprised"): r"""surpris(?:ed?|ing(?:ly)?) amaz(?:ed|ement) astonish(?:ed|ment) shock(?:ed)? stunned
        startled astounded in_disbelief disbelief incredulous(?:ly)? in_awe awestruck awe wonder(?:ment)?
        bewildered gasp(?:s|ing)?""",
    Effect("surprised", 0.5): r"""curious(?:ly)? curiosity intrigued inquisitive(?:ly)? questioning(?:ly)?
        confused puzzled""",
    Effect("calm"): r"""calm(?:ly|ing|ness|er)? relax(?:ed|ing)? sooth(?:e|ing(?:ly)?) seren(?:e|ely|ity)
        peace(?:ful(?:ly)?)? tranquil(?:ity)? gentl(?:e|y|eness) tender(?:ly|ness)? compassion(?:ate(?:ly)?)?
        empath(?:y|etic(?:ally)?) reassur(?:e|ing(?:ly)?|ance) comfort(?:ing(?:ly)?)? meditati(?:ve(?:ly)?|on)
        mindful mellow laid[\s-]back caring loving(?:ly)? patient(?:ly)? compos(?:ed|ure) dream(?:y|ily)
        sympath(?:y|etic(?:ally)?) unhurried cozy intimate(?:ly)? romantic(?:ally)? lullaby tenderhearted""",
    Effect("whisper", 1.0): r"""whisper(?:s|y|ed|ing)? under_(?:your|his|her|the|my|their)_breath asmr hushed
        sotto_voce""",
    Effect("serious"): r"""serious(?:ly|ness)? solemn(?:ly)? grave(?:ly)? formal(?:ly)? authoritative(?:ly)?
        authority professional(?:ly|ism)? businesslike matter[\s-]of[\s-]fact sober(?:ly)? dignified
        official(?:ly)? commanding dramatic(?:ally)? ominous(?:ly)? sincer(?:e|ely|ity) earnest(?:ly)?
        confident(?:ly)? confidence assertive(?:ly)? firm(?:ly)? stoic(?:ally)? dark grim(?:ly)?
        respectful(?:ly)? noir mysterious(?:ly)?""",
    Effect("neutral", 1.0, weight=0.8): r"""neutral(?:ly)? unemotional(?:ly)? emotionless no_emotion
        without_emotion normal(?:ly)?(?!_people) objective(?:ly)?""",
}
_DELIVERY = {
    Effect(speed=0.82): r"""slow(?:ly|er|ing)?(?:_down)? unhurried(?:ly)? leisurely drawl(?:ing|ed)?
        take_your_time deliberate(?:ly)? measured(?:ly)? ponderous(?:ly)? languid(?:ly)?""",
    Effect(speed=1.22): r"""fast(?:er)? quick(?:ly|er)? rapid(?:ly)? hurr(?:y|ied|iedly)(?:_up)?
        speed(?:y|ily|_up) brisk(?:ly)? in_a_(?:rush|hurry) rushed breathless(?:ly)? fast[\s-]paced
        snapp(?:y|ily)""",
    Effect(pitch=3.0): r"""high(?:er)?[\s-](?:pitch(?:ed)?|voice|register) (?:squeaky|shrill)(?:_voice)?
        (?:raise|raised)_(?:the_|your_)?pitch pitch:?_high falsetto""",
    Effect(pitch=-3.0): r"""(?:low(?:er)?|deep(?:er)?)[\s-](?:pitch(?:ed)?|voiced?|register|tone|voice)
        deep(?:ly_resonant|er)? (?:lower|lowered)_(?:the_|your_)?pitch pitch:?_low baritone bass gravelly husky
        resonant""",
    Effect(intonation=0.35): r"""monoton(?:e|ous(?:ly)?) flat(?:ly)? deadpan robot(?:ic(?:ally)?)?
        expressionless dull|droning mechanical(?:ly)? dry(?:ly)?""",
    Effect(intonation=1.35): r"""expressiv(?:e|ely|eness) livel(?:y|iness) sing[\s-]?song melodi(?:c|ous(?:ly)?)
        theatrical(?:ly)? varied_intonation melodramatic(?:ally)? flamboyant(?:ly)? colou?rful(?:ly)? musical""",
    Effect(energy=1.6): r"""loud(?:ly|er)? shout(?:s|ing|ed)? scream(?:s|ing)? strong(?:ly)? powerful(?:ly)?
        forceful(?:ly)? boom(?:ing)? project(?:ed|_your_voice) bold(?:ly)?""",
    Effect(energy=0.6): r"""(?:quiet|soft)(?:ly|er)?(?:[\s-]spoken)? low_volume murmur(?:ing)? mumbl(?:e|ing)
        faint(?:_voice|ly)? subdued breathy hushed_tones? delicate(?:ly)?""",
}
_PEOPLE = {
    Effect("calm", 0.5, weight=0.5): r"""nurses? doctors? therapists? counsell?ors? librarians?
        yoga_(?:teacher|instructor) mothers? moms? grandmothers? grandmas? monks? bedtime_stor(?:y|ies)
        night[\s-]time late[\s-]night meditation_guide hypnotist""",
    Effect("happy", 0.6, weight=0.5): r"""hosts? kindergarten clowns? santa(?:_claus)? baristas? waiters?
        waitress(?:es)? shop_assistants? tour_guides? customer_service sales(?:person|man|woman)
        flight_attendants? elves|elf fairy fairies youtubers? influencers?""",
    Effect("excited", 0.9, weight=0.5): r"""sports_(?:announcers?|commentators?|casters?|reporters?)
        commentators? cheerleaders? game_show hype_man fans? coach(?:es)? fitness_instructors? carnival_barkers?
        ringmasters? pirates? wrestling_announcers? kids? child(?:ren)? toddlers?""",
    Effect("serious", 0.8, weight=0.5): r"""news(?:_?readers?|_?casters?|_anchors?)? anchor(?:man|woman|person)?
        judges? lawyers? professors? documentar(?:y|ies) narrators? butlers? detectives? generals? presidents?
        kings? queens? priests? undertakers? scientists? movie_trailer""",
    Effect("angry", 0.7, energy=1.2, weight=0.5): r"""drill_(?:sergeants?|instructors?) sergeants?
        (?:evil_)?villains? bull(?:y|ies) tyrants? boss monsters? orcs?""",
    Effect("fearful", 0.6, weight=0.5): r"ghost_stor(?:y|ies) horror haunted victims?",
    Effect(speed=1.35, weight=0.5): r"auctioneers? rappers?",
    Effect(pitch=3.0, speed=1.05): r"little_(?:girls?|boys?) chipmunks? mouse pix(?:y|ie) bab(?:y|ies)",
    Effect(pitch=-2.0, speed=0.88): r"""old_(?:man|men|woman|women|wizard) grandfathers? grandpas?
        elder(?:s|ly)? giants? wizards?""",
    Effect(intonation=1.3, weight=0.5): r"story[\s-]?tell(?:ers?|ing) actors? actress(?:es)? bards? shakespearean",
}


def lexicon() -> Lexicon:
    """English."""
    words, effects = compiled({**_MOODS, **_DELIVERY, **_PEOPLE}, whole=True)
    ignore = regex.IGNORECASE
    return Lexicon(
        clauses=regex.compile(
            r"(?:\b(?:but|rather(?!\s+than))\b)?(?:(?!\bbut\b|\brather\b(?!\s+than))[^.,;:!?\n()])+", ignore
        ),
        words=words,
        effects=effects,
        negated_by=regex.compile(
            r"\b(?:not(?!\s+(?:only|just))|no|never|without|avoid(?:ing)?|don['’]?t|doesn['’]?t|isn['’]?t|"
            r"shouldn['’]?t|"
            r"won['’]?t|less|stop|nothing|neither|nor|instead\s+of|rather\s+than|free\s+of)\b",
            ignore,
        ),
        negated_behind=regex.compile(r"(?!)"),
        more=regex.compile(
            r"\b(?:very|extremely|really|super|so|incredibly|deeply|utterly|highly|intensely|absolutely|totally|"
            r"full\s+of|"
            r"completely|overly|exceptionally|profound(?:ly)?|extra|too|most|terribly|truly|much|wildly|insanely)"
            r"(?:\s+[\p{L}-]+)?\s*$",
            ignore,
        ),
        less=regex.compile(
            r"\b(?:slight(?:ly)?|a\s+(?:little|bit|tad|touch|hint|tinge|note|trace)(?:\s+(?:bit|of))*|somewhat|"
            r"mild(?:ly)?|"
            r"subtl[ey]|(?:touch|hint|tinge|note|trace)\s+of|(?:kind|sort)\s+of|fairly|moderately|vaguely|quietly|"
            r"lightly|"
            r"faintly|gently|semi)(?:\s+[\p{L}-]+)?[\s-]*$",
            ignore,
        ),
    )
